// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Resets as real hosts and middleboxes send them (the table of docs/findings.md): each is judged
// genuine, with its cause.
#include "tests/datapath/fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathGenuine : public DatapathTest {
  protected:
    Conversation established(const Setting& setting = {}) {
        Conversation talk(watching(), hook(), setting);
        talk.open().exchange(5);
        talk.pass_ms(200);
        return talk;
    }

    /// Sends the RST and expects it genuine, with this cause and these counted signals.
    void expect_genuine(Conversation& talk, const Segment& reset, fst_cause cause,
                        const std::string& signals = "none") {
        const fst_judgement judgement = talk.send(reset).judgement();
        EXPECT_EQ(judgement.verdict, FST_VERDICT_GENUINE);
        EXPECT_EQ(judgement.cause, cause);
        EXPECT_EQ(signal_names(counted(judgement.signals)), signals);
        EXPECT_FALSE(talk.state_has(FST_FLOW_FORGED, reset.from));
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathGenuine, ::testing::ValuesIn(every_hook()), case_name);

TEST_P(DatapathGenuine, CloseWithUnreadData) {
    for (const bool v6 : {false, true}) {
        Conversation talk = established({.v6 = v6});
        Segment reset = talk.next(End::peer, Rst | Ack);  // timestamps, the socket's next ID
        reset.window = 64;
        expect_genuine(talk, reset, FST_CAUSE_ABORT,
                       v6 ? "WINDOW_FOREIGN|TIMESTAMPS_VALID"
                          : "WINDOW_FOREIGN|TIMESTAMPS_VALID|ID_IN_SEQUENCE");
        EXPECT_TRUE(talk.state_has(FST_FLOW_RST, End::peer));
    }
}

TEST_P(DatapathGenuine, CloseWithUnreadDataWithoutTimestamps) {
    Setting setting;
    setting.us.timestamps = false;
    Conversation talk = established(setting);
    expect_genuine(talk, talk.next(End::peer, Rst | Ack), FST_CAUSE_ABORT, "ID_IN_SEQUENCE");
}

TEST_P(DatapathGenuine, DataToASocketThatIsGone) {
    for (const bool v6 : {false, true}) {
        Conversation talk = established({.v6 = v6});
        expect_genuine(talk, talk.stateless_reset(), FST_CAUSE_STATELESS);
    }
}

TEST_P(DatapathGenuine, SynToAClosedPort) {
    for (const bool v6 : {false, true}) {
        Conversation talk(watching(), hook(), {.v6 = v6});
        talk.send(End::us, Syn);
        talk.pass_ms(20);
        Segment reset = talk.stateless_reset();
        reset.flags = Rst | Ack;
        reset.seq = 0;
        reset.ack = talk.edge(End::us);
        expect_genuine(talk, reset, FST_CAUSE_CLOSED_PORT);
        EXPECT_TRUE(talk.state_has(FST_FLOW_RST, End::peer));
    }
}

TEST_P(DatapathGenuine, RejectOnTheRouterBeforeThePeer) {
    Conversation talk = established();
    Segment reset = talk.stateless_reset();
    reset.ttl += 1;
    const fst_judgement judgement = talk.send(reset).judgement();
    EXPECT_EQ(judgement.verdict, FST_VERDICT_GENUINE);
    EXPECT_EQ(judgement.cause, FST_CAUSE_STATELESS);
    EXPECT_EQ(signal_names(judgement.signals), "ONE_HOP|ID_BREAK");  // reported, not counted
}

TEST_P(DatapathGenuine, RejectOnThePeer) {
    Setting setting;
    Conversation talk = established(setting);
    Segment data = talk.next(End::peer, Psh | Ack, 100);
    data.tos = 0x10;
    talk.send(data);
    talk.send(End::us);
    talk.pass_ms(100);
    expect_genuine(talk, talk.stateless_reset(), FST_CAUSE_STATELESS);  // TOS 0 again
}

/// A socket's TTL is set by IP_TTL; the kernel's own RST has the host's default.
TEST_P(DatapathGenuine, StatelessResetOfAPeerWithATtlOfItsOwn) {
    struct Case {
        std::uint8_t socket_ttl;  ///< as it arrives, one hop away
        const char* signals;
    };
    for (const Case& c : {Case{199, "none"}, Case{99, "none"}, Case{34, "none"}, Case{3, "none"},
                          Case{254, "TTL_BASE"}, Case{127, "TTL_BASE"}}) {
        SCOPED_TRACE(int(c.socket_ttl));
        Setting setting;
        setting.peer.ttl = c.socket_ttl;
        Conversation talk = established(setting);
        Segment reset = talk.stateless_reset();
        reset.ttl = 63;
        expect_genuine(talk, reset, FST_CAUSE_STATELESS, c.signals);
    }
}

TEST_P(DatapathGenuine, BalancersAgreeInHopsNotInTtl) {
    struct Case {
        std::uint8_t peer, reset;
    };
    for (const Case& c : {Case{242, 115}, Case{115, 242}, Case{59, 123}, Case{242, 114}}) {
        SCOPED_TRACE(::testing::Message() << int(c.peer) << " and " << int(c.reset));
        Setting setting;
        setting.peer.ttl = c.peer;
        setting.peer.timestamps = false;
        setting.peer.ids = Ids::random;
        Conversation talk = established(setting);
        Segment reset = talk.next(End::peer, Rst | Ack);
        reset.ttl = c.reset;
        expect_genuine(talk, reset, FST_CAUSE_EDGE, "TTL_BASE");
    }
}

TEST_P(DatapathGenuine, NetScalerForgetsTheFlow) {
    for (const std::uint16_t window : {8201, 9300}) {
        Setting setting;
        setting.peer.timestamps = false;
        setting.peer.ids = Ids::random;
        Conversation talk = established(setting);
        talk.pass_ms(90'000);
        Segment reset = talk.next(End::peer, Rst);
        reset.window = window;
        expect_genuine(talk, reset, FST_CAUSE_AGED_STATE, "WINDOW_FOREIGN");
    }
}

/// Linux answers each of our segments in flight with a stateless RST at what the segment
/// acknowledged.
TEST_P(DatapathGenuine, FortyResetsWithSteppingSequenceNumbers) {
    for (const std::uint32_t step : {1448U, 2896U}) {
        Conversation talk = established();
        const std::uint32_t first = talk.edge(End::peer);
        for (int i = 0; i < 40; i++) {
            Segment data = talk.next(End::peer, Ack, step);
            talk.send(data);
            talk.send(End::us);
        }
        talk.pass_us(20'000);
        for (std::uint32_t i = 1; i <= 40; i++) {
            Segment reset = talk.stateless_reset();
            reset.seq = first + i * step;
            talk.pass_us(30);
            expect_genuine(talk, reset, FST_CAUSE_STATELESS);
        }
    }
}

TEST_P(DatapathGenuine, IdleFlowTimedOutByAMiddlebox) {
    Conversation talk = established();
    talk.pass_ms(3'600'000);
    Segment reset = talk.next(End::peer, Rst | Ack);
    reset.timestamps->ecr = 1;
    reset.id = static_cast<std::uint16_t>(reset.id + 3000);
    expect_genuine(talk, reset, FST_CAUSE_IDLE_TIMEOUT);
}

TEST_P(DatapathGenuine, TheAnswerToOurOwnReset) {
    Conversation talk = established();
    talk.send(End::us, Rst | Ack);
    talk.pass_ms(20);
    expect_genuine(talk, talk.stateless_reset(), FST_CAUSE_OWN_RST, "none");
}

/// A stateful middlebox before the peer may answer what comes after a reset.
TEST_P(DatapathGenuine, TheAnswerToOurOwnResetFromNearer) {
    Conversation talk = established();
    talk.send(End::us, Rst | Ack);
    talk.pass_ms(20);
    Segment reset = talk.stateless_reset();
    reset.ttl += 5;
    expect_genuine(talk, reset, FST_CAUSE_EDGE, "NEARER");
}

/// Only nearer, after the peer had long been silent: a gateway that lost its state. With a second
/// kind of evidence it is not.
TEST_P(DatapathGenuine, FromNearerAfterIdling) {
    Conversation talk = established();
    talk.pass_ms(15'000);
    talk.send(End::us, Psh | Ack, 100);
    talk.pass_ms(20);
    Segment reset = talk.stateless_reset();
    reset.ttl += 5;
    expect_genuine(talk, reset, FST_CAUSE_EDGE, "NEARER");

    Conversation echoed = established();
    echoed.pass_ms(15'000);
    echoed.send(End::us, Psh | Ack, 100);
    echoed.pass_ms(20);
    reset = echoed.stateless_reset();
    reset.ttl += 5;
    reset.id = echoed.ids(End::us).back();
    EXPECT_EQ(echoed.send(reset).judgement().verdict, FST_VERDICT_CONFIRMED);

    // Where a box has forged before, the distance is that box's.
    echoed.pass_ms(15'000);
    echoed.send(End::us, Psh | Ack, 100);
    echoed.pass_ms(20);
    reset = echoed.stateless_reset();
    reset.ttl += 5;
    EXPECT_NE(echoed.send(reset).judgement().verdict, FST_VERDICT_GENUINE);
}

/// What follows the peer's own reset may come from any middlebox before it.
TEST_P(DatapathGenuine, AfterThePeersOwnReset) {
    Conversation talk = established();
    talk.send(talk.stateless_reset());
    talk.pass_ms(20);
    Segment reset = talk.stateless_reset();
    reset.ttl += 5;
    expect_genuine(talk, reset, FST_CAUSE_EDGE, "NEARER|TWO_PATHS");
}

TEST_P(DatapathGenuine, AfterBothEndsFin) {
    Conversation talk = established();
    talk.send(End::us, Fin | Ack);
    talk.pass_ms(20);
    talk.send(End::peer, Fin | Ack);
    talk.pass_us(100);
    talk.send(End::us);
    talk.pass_ms(20);
    expect_genuine(talk, talk.stateless_reset(), FST_CAUSE_CLOSED);
}

/// Happy Eyeballs, scanners: the SYN is ours, and so is the RST.
TEST_P(DatapathGenuine, OurOwnResetAfterTheirSynAck) {
    Conversation talk(watching(), hook());
    talk.send(End::us, Syn);
    talk.pass_ms(20);
    talk.send(End::peer, Syn | Ack);
    talk.pass_us(50);
    Segment reset = talk.next(End::us, Rst);
    reset.id = 0;
    reset.window = 0;
    reset.timestamps.reset();
    expect_genuine(talk, reset, FST_CAUSE_STATELESS);
}

/// The socket's own IP-ID counter corroborates only from the socket's distance.
TEST_P(DatapathGenuine, ContinuedIdDoesNotCorroborateFromNearer) {
    Setting setting;
    setting.peer.timestamps = false;
    Conversation talk = established(setting);
    Segment reset = talk.next(End::peer, Rst | Ack);
    reset.ttl += 2;
    const fst_judgement judgement = talk.send(reset).judgement();
    EXPECT_EQ(signal_names(counted(judgement.signals)), "NEARER|ID_IN_SEQUENCE");
    EXPECT_EQ(judgement.verdict, FST_VERDICT_SUSPECTED);
    EXPECT_EQ(judgement.cause, FST_CAUSE_FORGED);
}

/// Valid timestamps corroborate whatever else there is.
TEST_P(DatapathGenuine, TimestampsCorroborate) {
    Conversation talk = established();
    Segment reset = talk.next(End::peer, Rst | Ack);
    reset.ttl += 2;
    reset.id = talk.ids(End::us).back();
    reset.payload = 11;
    expect_genuine(talk, reset, FST_CAUSE_ABORT, "NEARER|ID_ECHO|DATA|TIMESTAMPS_VALID");
}

/// Timestamps out of the sender's clock, or that echo none of ours, do not.
TEST_P(DatapathGenuine, WrongTimestampsDoNotCorroborate) {
    struct Case {
        std::int32_t val, ecr;  ///< difference to the correct value
    };
    for (const Case& c : {Case{-100'000, 0}, Case{5000, 0}, Case{0, 10}, Case{0, -700'000}}) {
        SCOPED_TRACE(::testing::Message() << c.val << ", " << c.ecr);
        Conversation talk = established();
        Segment reset = talk.next(End::peer, Rst | Ack);
        reset.id = talk.ids(End::us).back();
        reset.timestamps->val += static_cast<std::uint32_t>(c.val);
        reset.timestamps->ecr += static_cast<std::uint32_t>(c.ecr);
        const fst_judgement judgement = talk.send(reset).judgement();
        EXPECT_EQ(signal_names(counted(judgement.signals)), "ID_ECHO");
        EXPECT_EQ(judgement.verdict, FST_VERDICT_SUSPECTED);
    }
}

}  // namespace
}  // namespace flowstamp::testing
