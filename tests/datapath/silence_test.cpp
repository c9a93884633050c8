// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Events about silence: retransmissions by timer, a gap in what was received, the first packet
// after an idle period, answered or not, and a direction that is never seen.
#include "tests/datapath/fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathSilence : public DatapathTest {
  protected:
    Conversation established() {
        Conversation talk(watching(), hook());
        talk.open().exchange(3);
        talk.pass_ms(50);
        return talk;
    }
    /// The peer's ACK of nothing new: it has what lies behind a gap.
    static Segment reports_gap(Conversation& talk, std::uint32_t ack, std::uint32_t left,
                               std::uint32_t right) {
        Segment segment = talk.next(End::peer);
        segment.ack = ack;
        segment.sack = {left, right};
        return segment;
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathSilence, ::testing::ValuesIn(every_hook()), case_name);

TEST_P(DatapathSilence, RetransmittedByTimerAndAcknowledged) {
    Conversation talk = established();
    const Segment data = talk.next(End::us, Psh | Ack, 500);
    EXPECT_TRUE(talk.send(data).events.empty());
    talk.pass_ms(200);
    const Outcome again = talk.send(data);
    const SeenEvent* reported = again.find(FST_EVENT_RTO_RETRANSMIT);
    ASSERT_NE(reported, nullptr);
    ASSERT_TRUE(reported->flow);
    EXPECT_EQ(reported->event.packet.seq, data.seq);
    EXPECT_TRUE(talk.state_has(FST_FLOW_AWAITS_ACK, End::us));
    talk.pass_ms(20);
    EXPECT_NE(talk.send(End::peer).find(FST_EVENT_ACKED), nullptr);
    EXPECT_FALSE(talk.state_has(FST_FLOW_AWAITS_ACK, End::us));
    EXPECT_TRUE(talk.send(End::peer).events.empty()) << "once";
}

TEST_P(DatapathSilence, FastRetransmitIsNotReported) {
    Conversation talk = established();
    Segment data = talk.next(End::us, Psh | Ack, 500);
    talk.send(data);
    talk.pass_ms(20);
    data.id++;  // the same ID would be a duplicate frame
    EXPECT_TRUE(talk.send(data).events.empty());
    EXPECT_EQ(talk.direction(End::us).retransmitted, 1);
}

/// Two CPUs may stamp one direction's packets slightly out of order: that is no long silence.
TEST_P(DatapathSilence, APacketFromTheFutureIsNoSilence) {
    Conversation talk = established();
    Segment data = talk.next(End::us, Psh | Ack, 500);
    talk.send(data);
    talk.pass_us(static_cast<std::uint64_t>(-5));
    data.id++;
    EXPECT_TRUE(talk.send(data).events.empty());
}

TEST_P(DatapathSilence, DuplicateAckIsNoProgress) {
    Conversation talk = established();
    Segment old = talk.next(End::peer);
    const Segment data = talk.next(End::us, Psh | Ack, 500);
    talk.send(data);
    talk.pass_ms(300);
    talk.send(data);
    EXPECT_EQ(talk.send(old).find(FST_EVENT_ACKED), nullptr);
    EXPECT_TRUE(talk.state_has(FST_FLOW_AWAITS_ACK, End::us));
}

/// RFC 2018: reported once, until its sender has waited for an ACK in vain and sends again.
TEST_P(DatapathSilence, AGapInWhatWasReceived) {
    for (const bool v6 : {false, true}) {
        Conversation talk(watching(), hook(), {.v6 = v6});
        talk.open().exchange(3);
        const Segment lost = talk.next(End::us, Psh | Ack, 1000);
        const std::uint32_t behind = lost.seq + 1000;
        const auto sent_again = [&] {
            Segment again = talk.next(End::us, Psh | Ack, 1000);
            again.seq = lost.seq;
            return again;
        };
        talk.send(lost);
        EXPECT_TRUE(talk.send(End::us, Psh | Ack, 500).events.empty());
        talk.pass_ms(20);
        const Outcome first = talk.send(reports_gap(talk, lost.seq, behind, behind + 500));
        const SeenEvent* reported = first.find(FST_EVENT_SACKED);
        ASSERT_NE(reported, nullptr);
        EXPECT_EQ(first.events.size(), 1U);
        EXPECT_EQ(reported->event.packet.sack_bytes, 500);
        EXPECT_EQ(reported->event.packet.ack, lost.seq);
        EXPECT_EQ(reported->event.packet.direction, talk.index(End::peer));
        EXPECT_TRUE(talk.state_has(FST_FLOW_SACKED, End::us));
        EXPECT_FALSE(talk.state_has(FST_FLOW_SACKED, End::peer));

        talk.pass_ms(5);
        EXPECT_TRUE(talk.send(reports_gap(talk, lost.seq, behind, behind + 500)).events.empty())
            << "once";
        talk.pass_ms(5);
        EXPECT_TRUE(talk.send(sent_again()).events.empty());
        talk.pass_ms(20);
        EXPECT_TRUE(talk.send(reports_gap(talk, lost.seq, behind, behind + 500)).events.empty())
            << "still, after a fast retransmission";

        talk.pass_ms(300);
        EXPECT_NE(talk.send(sent_again()).find(FST_EVENT_RTO_RETRANSMIT), nullptr);
        EXPECT_FALSE(talk.state_has(FST_FLOW_SACKED, End::us));
        talk.pass_ms(20);
        const Outcome next = talk.send(reports_gap(talk, lost.seq, behind, behind + 400));
        ASSERT_NE(next.find(FST_EVENT_SACKED), nullptr);
        EXPECT_EQ(next.find(FST_EVENT_SACKED)->event.packet.sack_bytes, 400);
        EXPECT_EQ(next.find(FST_EVENT_ACKED), nullptr) << "what was sent again is still missing";
    }
}

TEST_P(DatapathSilence, SackedBytesSaturate) {
    Conversation talk = established();
    const std::uint32_t ack = talk.edge(End::us);
    const Outcome outcome = talk.send(reports_gap(talk, ack, ack + 1, ack + 1 + 70'000));
    ASSERT_NE(outcome.find(FST_EVENT_SACKED), nullptr);
    EXPECT_EQ(outcome.find(FST_EVENT_SACKED)->event.packet.sack_bytes, 0xffff);
}

/// A block below the ACK says that something came twice (D-SACK, RFC 2883): there is no gap. Nor
/// does an empty block report one, or an ACK without any.
TEST_P(DatapathSilence, ADuplicateSackReportsNoGap) {
    Conversation talk = established();
    const std::uint32_t ack = talk.edge(End::us);
    for (const auto& [left, right] : {std::pair{ack - 1000, ack - 500}, std::pair{ack - 500, ack},
                                      std::pair{ack + 9, ack + 9}, std::pair{ack + 9, ack + 5}}) {
        talk.pass_ms(5);
        EXPECT_TRUE(talk.send(reports_gap(talk, ack, left, right)).events.empty())
            << static_cast<int>(left - ack) << ", " << static_cast<int>(right - ack);
    }
    talk.pass_ms(5);
    EXPECT_TRUE(talk.send(End::peer).events.empty());
    EXPECT_FALSE(talk.state_has(FST_FLOW_SACKED, End::us));
    EXPECT_NE(talk.send(reports_gap(talk, ack, ack + 5, ack + 9)).find(FST_EVENT_SACKED), nullptr);
}

TEST_P(DatapathSilence, FirstPacketAfterIdling) {
    Conversation talk = established();
    talk.pass_ms(5'000);
    EXPECT_TRUE(talk.send(End::us, Psh | Ack, 100).events.empty())
        << "five seconds are no idle period";
    talk.pass_ms(20);
    talk.send(End::peer);
    const std::uint64_t last = talk.direction(End::peer).last_ns;
    talk.pass_ms(15'000);
    const Outcome awake = talk.send(End::us, Psh | Ack, 100);
    const SeenEvent* reported = awake.find(FST_EVENT_IDLE_RESUMED);
    ASSERT_NE(reported, nullptr);
    ASSERT_TRUE(reported->flow);
    EXPECT_EQ(reported->flow->direction[talk.index(End::peer)].last_ns, last) << "as it was before";
    EXPECT_TRUE(talk.state_has(FST_FLOW_AWAITS_ACK, End::us));
    talk.pass_ms(20);
    EXPECT_NE(talk.send(End::peer).find(FST_EVENT_ACKED), nullptr);
}

TEST_P(DatapathSilence, KeepaliveIsAnswered) {
    Conversation talk = established();
    Segment keepalive = talk.next(End::us);
    keepalive.seq -= 1;
    talk.pass_ms(2'000);
    EXPECT_NE(talk.send(keepalive).find(FST_EVENT_RTO_RETRANSMIT), nullptr);
    talk.pass_ms(20);
    EXPECT_NE(talk.send(End::peer).find(FST_EVENT_ACKED), nullptr);
}

TEST_P(DatapathSilence, ADirectionThatIsNeverSeen) {
    Conversation talk(watching(), hook());
    talk.send(End::us, Syn);
    int reports = 0;
    for (int i = 0; i < 12; i++) {
        talk.pass_ms(20);
        reports += talk.send(End::us, Psh | Ack, 100).find(FST_EVENT_ONE_WAY) != nullptr ? 1 : 0;
    }
    EXPECT_EQ(reports, 1);
    EXPECT_TRUE(talk.state_has(FST_FLOW_ONE_WAY));
}

}  // namespace
}  // namespace flowstamp::testing
