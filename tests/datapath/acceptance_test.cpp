// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Only what the receiver's stack accepts is evidence: what it throws away leaves the flow as it was,
// whoever sent it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <vector>

#include "flowstamp/reset_rules.h"
#include "tests/datapath/fixture.h"

namespace flowstamp::testing {
namespace {

/// As far past an edge as no receiver here accepts, and as a reach of 4 MB once did.
constexpr std::uint32_t kFar = 3'900'000;
constexpr std::uint8_t kForeignTtl = 250;

class DatapathAcceptance : public DatapathTest {
  protected:
    Conversation established(Rig& rig, const Setting& setting = {}) {
        Conversation talk(rig, hook(), setting);
        talk.open().exchange(5);
        talk.pass_ms(100);
        return talk;
    }

    /// The segment, sent beside the connection: its ends know nothing of it.
    Outcome inject(Conversation& talk, const Segment& segment) {
        return inject_at(talk, hook(), segment);
    }
    static Outcome inject_at(Conversation& talk, fst_hook at, const Segment& segment) {
        return talk.rig().run(at,
                              {.bytes = talk.encode(segment), .ifindex = talk.setting().ifindex});
    }

    /// A crude forgery: from elsewhere, and without the timestamps of its flow.
    static Segment crude_reset(Conversation& talk) {
        Segment reset = talk.next(End::peer, Rst | Ack);
        reset.ttl = static_cast<std::uint8_t>(reset.ttl + 4);
        reset.timestamps.reset();
        reset.window = 0;
        reset.id = 0;
        return reset;
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathAcceptance, ::testing::ValuesIn(ingress_hooks()),
                         case_name);

/// A segment of the peer's that is not what its sender would send next.
struct Refused {
    const char* name;
    std::function<void(Segment&)> change;
};

const std::vector<Refused>& refused_segments() {
    static const std::vector<Refused> all{
        {"an ACK past the window", [](Segment& s) { s.seq += kFar; }},
        {"data past the window",
         [](Segment& s) {
             s.seq += kFar;
             s.payload = 100;
         }},
        {"a FIN past the window",
         [](Segment& s) {
             s.seq += kFar;
             s.flags = static_cast<TcpFlags>(Fin | Ack);
         }},
        {"data far below the edge",
         [](Segment& s) {
             s.seq -= 100'000'000;
             s.payload = 100;
         }},
        {"data that ends below the edge",
         [](Segment& s) {
             s.seq -= 1000;
             s.payload = 100;
         }},
        {"an ACK of what was never sent", [](Segment& s) { s.ack += 1; }},
        {"an ACK of long ago", [](Segment& s) { s.ack -= 200'000'000; }},
        {"no ACK at all",
         [](Segment& s) {
             s.flags = Psh;
             s.payload = 10;
         }},
        {"an ACK farther back than all that was acknowledged",
         [](Segment& s) { s.ack -= 100'000; }},
        {"a timestamp of long ago", [](Segment& s) { s.timestamps->val -= 50'000'000; }},
        {"a timestamp of a minute ago", [](Segment& s) { s.timestamps->val -= 60'000; }},
        {"no timestamps, past the window",
         [](Segment& s) {
             s.timestamps.reset();
             s.seq += kFar;
         }},
        {"a FIN below the edge",
         [](Segment& s) {
             s.seq -= 1000;
             s.flags = static_cast<TcpFlags>(Fin | Ack);
         }},
        {"data from the window's end on",
         [](Segment& s) {
             s.seq += 640U << 7;
             s.payload = 100;
         }},
        {"the handshake's SYN-ACK again",
         [](Segment& s) {
             s.flags = static_cast<TcpFlags>(Syn | Ack);
             s.seq = Setting{}.peer.isn;
             s.ack = Setting{}.us.isn + 1;
         }},
    };
    return all;
}

void expect_same_baseline(const fst_flow& before, const fst_flow& after) {
    EXPECT_EQ(before.state | FST_FLOW_CANDIDATE, after.state | FST_FLOW_CANDIDATE);
    for (int d = 0; d < 2; d++) {
        const fst_direction &was = before.direction[d], &is = after.direction[d];
        EXPECT_EQ(std::memcmp(was.ttl, is.ttl, sizeof(was.ttl)), 0);
        EXPECT_EQ(was.seq_edge, is.seq_edge);
        EXPECT_EQ(was.ack_edge, is.ack_edge);
        EXPECT_EQ(was.flags, is.flags);
        EXPECT_EQ(was.window, is.window);
        EXPECT_EQ(was.windows, is.windows);
        EXPECT_EQ(was.ip_id, is.ip_id);
        EXPECT_EQ(was.ts_val, is.ts_val);
        EXPECT_EQ(was.ts_offset, is.ts_offset);
    }
}

TEST_P(DatapathAcceptance, WhatTheStackRefusesTeachesNothing) {
    for (const Refused& refused : refused_segments()) {
        SCOPED_TRACE(refused.name);
        Conversation talk = established(watching());
        const fst_flow before = talk.flow();
        Segment segment = talk.next(End::peer, Ack);
        segment.ttl = kForeignTtl;
        segment.id = 31'000;
        segment.window = 77;
        refused.change(segment);
        inject(talk, segment);
        expect_same_baseline(before, talk.flow());
        EXPECT_NE(talk.send(crude_reset(talk)).judgement().verdict, FST_VERDICT_GENUINE);
    }
}

/// The same bytes in this end's own name, from outside: only what leaves here is its own.
TEST_P(DatapathAcceptance, OwnNameFromOutsideTeachesNothing) {
    for (const TcpFlags flags :
         {Ack, static_cast<TcpFlags>(Psh | Ack), static_cast<TcpFlags>(Fin | Ack),
          static_cast<TcpFlags>(Rst | Ack), static_cast<TcpFlags>(Rst)}) {
        SCOPED_TRACE(int(flags));
        Conversation talk = established(watching());
        const fst_flow before = talk.flow();
        Segment segment = talk.next(End::us, flags, flags & Psh ? 10 : 0);
        segment.ttl = kForeignTtl;
        segment.window = 0;
        inject_at(talk, hook(), segment);
        expect_same_baseline(before, talk.flow());
        const fst_judgement judged = talk.send(crude_reset(talk)).judgement();
        EXPECT_NE(judged.verdict, FST_VERDICT_GENUINE);
        EXPECT_EQ(judged.context & FST_CONTEXT_AFTER_OWN_RST, 0u);
    }
}

/// Whatever makes it look like a copy of what left here a moment ago.
TEST_P(DatapathAcceptance, OwnNameFromOutsideIsNoCopy) {
    Conversation talk = established(watching());
    talk.send(End::peer, Psh | Ack, 10);
    const Segment ack = talk.next(End::us, Ack);
    talk.send(ack);
    const fst_flow before = talk.flow();
    talk.pass_ms(1);
    inject_at(talk, hook(), ack);
    expect_same_baseline(before, talk.flow());
}

/// A segment that does not move the edges, named like one a moment ago, but which no stack takes.
TEST_P(DatapathAcceptance, WhatTheStackRefusesIsNoCopy) {
    Conversation talk = established(watching());
    Segment data = talk.next(End::peer, Psh | Ack, 10);
    talk.send(data);
    const fst_flow before = talk.flow();
    talk.pass_ms(1);
    data.ack -= 100'000;
    data.ttl = kForeignTtl;
    inject(talk, data);
    expect_same_baseline(before, talk.flow());
}

/// The stack takes its data in, not its window.
TEST_P(DatapathAcceptance, AnOlderAckSetsNoWindow) {
    Conversation talk = established(watching());
    const std::uint16_t window = talk.direction(End::peer).window;
    Segment older = talk.next(End::peer, Psh | Ack, 100);
    older.ack -= 1;
    older.window = 7;
    inject(talk, older);
    EXPECT_EQ(talk.direction(End::peer).window, window);
    EXPECT_EQ(talk.direction(End::peer).seq_edge, older.seq + 100);
}

/// A stack draws no window back (RFC 9293, section 3.8.6): who says so in its name does not keep us
/// from seeing what is sent and acknowledged.
TEST_P(DatapathAcceptance, WhatLeavesHereCountsThoughTheWindowIsDrawnBack) {
    Conversation talk = established(watching());
    talk.send(End::us, Psh | Ack, 1000);
    Segment closing = talk.next(End::peer, Ack);
    closing.ack -= 1000;
    closing.window = 0;
    inject(talk, closing);
    for (int i = 0; i < FST_RING_STAMPS; i++) {
        Segment data = talk.next(End::peer, Psh | Ack, 100);
        data.ack -= 1000;
        data.window = 0;
        talk.send(data);
        talk.send(End::us, Ack);
        EXPECT_EQ(talk.direction(End::us).ack_edge, data.seq + 100);
    }
    talk.send(End::us, Psh | Ack, 1000);
    EXPECT_EQ(talk.direction(End::us).seq_edge, talk.edge(End::us));
}

/// A FIN has a number, too: with data that fill the window it ends past it, and Linux (6.17) takes it
/// into an empty queue only.
TEST_P(DatapathAcceptance, AFinPastTheWindowsEndClosesNothing) {
    Conversation talk = established(watching());
    Segment ours = talk.next(End::us, Ack);
    ours.window = 1;
    talk.send(ours);
    constexpr std::size_t kWindow = 1U << 7;
    Segment fin = talk.next(End::peer, Fin | Psh | Ack, kWindow);
    inject(talk, fin);
    EXPECT_FALSE(fst_any_fin(talk.flow().state));
    fin.payload = kWindow - 1;
    inject(talk, fin);
    EXPECT_TRUE(fst_any_fin(talk.flow().state));
}

/// Nor does one whose number was a byte's, which its receiver has, but has not acknowledged yet.
TEST_P(DatapathAcceptance, AFinOnAByteThatWasSentClosesNothing) {
    Conversation talk = established(watching());
    talk.send(End::peer, Psh | Ack, 100);
    Segment fin = talk.next(End::peer, Fin | Ack);
    fin.seq -= 1;
    inject(talk, fin);
    EXPECT_FALSE(fst_any_fin(talk.flow().state));
}

/// One that its receiver may not take, but took, as its ACK shows, does; and the same sent again.
TEST_P(DatapathAcceptance, AFinThatWasDoubtfulIsOneWhenItComesAgain) {
    Conversation talk = established(watching());
    Segment fin = talk.next(End::peer, Fin | Ack);
    Segment bare = fin;
    bare.timestamps.reset();
    inject(talk, bare);
    EXPECT_FALSE(fst_any_fin(talk.flow().state));
    talk.pass_ms(200);
    fin.timestamps->val += 200;
    inject(talk, fin);
    EXPECT_TRUE(fst_any_fin(talk.flow().state));
}

/// PAWS goes by the segment that last began at or below the receiver's ACK: one beyond may bear any
/// time, and its data is taken in, as the ACK shows.
TEST_P(DatapathAcceptance, AClockLeapsOnlyWithWhatTheReceiverGoesBy) {
    Conversation talk = established(watching());
    talk.send(End::peer, Psh | Ack, 100);
    const std::uint32_t clock = talk.direction(End::peer).ts_val;
    Segment leap = talk.next(End::peer, Psh | Ack, 100);
    leap.timestamps->val += 1'000'000;
    inject(talk, leap);
    EXPECT_EQ(talk.direction(End::peer).ts_val, clock);
    Segment ack = talk.next(End::us, Ack);
    ack.ack = leap.seq + 100;
    inject_at(talk, FST_HOOK_TC_EGRESS, ack);
    EXPECT_EQ(talk.direction(End::peer).seq_edge, leap.seq + 100);
    leap.seq += 100;
    inject(talk, leap);
    EXPECT_EQ(talk.direction(End::peer).ts_val, leap.timestamps->val);
}

/// What was overtaken by a retransmission may be thrown away (RFC 7323, section 5.3): it shows no more
/// than how far its side has come. A reset that ends there is no guess.
TEST_P(DatapathAcceptance, OvertakenDataShowsHowFarItsSideHasCome) {
    Conversation talk = established(watching());
    Segment overtaken = talk.next(End::peer, Psh | Ack, 100);
    talk.pass_ms(200);
    Segment before = talk.next(End::peer, Ack, 0);
    before.seq -= 1;  // a keepalive
    inject(talk, before);
    const fst_direction own = talk.direction(End::peer);
    overtaken.timestamps->val = own.ts_val - 110;
    overtaken.ttl++;
    inject(talk, overtaken);
    EXPECT_EQ(talk.direction(End::peer).seq_edge, overtaken.seq + 100);
    EXPECT_EQ(talk.direction(End::peer).ts_val, own.ts_val);
    EXPECT_FALSE(fst_same_distance(&own, overtaken.ttl, 0));
    const fst_direction later = talk.direction(End::peer);
    EXPECT_FALSE(fst_same_distance(&later, overtaken.ttl, 0));
}

/// A clock goes on while its side rests: what comes then with a gap before it is no leap. Its receiver
/// does not go by that clock yet.
TEST_P(DatapathAcceptance, AfterARestTheClockHasGoneOn) {
    Conversation talk = established(watching());
    talk.send(End::peer, Psh | Ack, 100);
    talk.pass_ms(20'000);
    Segment behind_gap = talk.next(End::peer, Psh | Ack, 100);
    behind_gap.seq += 100;
    const std::uint32_t before = talk.direction(End::peer).ts_val;
    inject(talk, behind_gap);
    EXPECT_EQ(talk.direction(End::peer).seq_edge, behind_gap.seq + 100);
    EXPECT_EQ(talk.direction(End::peer).ts_val, before);
}

/// What was thrown away is not even noted as the latest word of its sender's clock.
TEST_P(DatapathAcceptance, AResetPastTheWindowTellsNoTime) {
    Conversation talk = established(watching());
    const std::uint32_t offset = talk.direction(End::peer).ts_offset;
    Segment reset = talk.next(End::peer, Rst | Ack);
    reset.seq += kFar;
    reset.timestamps->val += 50;
    inject(talk, reset);
    EXPECT_EQ(talk.direction(End::peer).ts_offset, offset);
}

/// A stack throws it away, whoever sent it: it does not refute a reset.
TEST_P(DatapathAcceptance, WhatLiesBelowTheAckIsNoSignOfLife) {
    Conversation talk = established(watching());
    talk.send(crude_reset(talk));
    talk.pass_ms(10);
    talk.send(End::us, Psh | Ack, 100);
    talk.pass_ms(10);
    Segment below = talk.next(End::peer, Psh | Ack, 100);
    below.seq -= 1000;
    const Outcome outcome = inject(talk, below);
    ASSERT_NE(outcome.find(FST_EVENT_AFTER_RST), nullptr);
    EXPECT_EQ(outcome.find(FST_EVENT_AFTER_RST)->event.judgement.signals, 0u);
    EXPECT_EQ(talk.flow().reset_flags[talk.index(End::peer)] & FST_RESET_SENDER_SEEN, 0);
}

/// No stack takes it in, but each answers it, and its place is known to who sees the connection only.
TEST_P(DatapathAcceptance, AKeepaliveIsASignOfLife) {
    Conversation talk = established(watching());
    talk.send(crude_reset(talk));
    talk.pass_ms(1000);
    Segment keepalive = talk.next(End::peer, Ack);
    keepalive.seq -= 1;
    const Outcome outcome = inject(talk, keepalive);
    ASSERT_NE(outcome.find(FST_EVENT_AFTER_RST), nullptr);
    EXPECT_EQ(outcome.find(FST_EVENT_AFTER_RST)->event.judgement.signals,
              bit(FST_SIGNAL_LIVENESS_CLOCK));
}

/// No stack sees them, so they are no resets.
TEST_P(DatapathAcceptance, ADamagedResetIsNone) {
    Conversation talk = established(watching());
    const fst_flow before = talk.flow();
    const std::uint64_t damaged = watching().counter(FST_COUNT_DAMAGED);
    Segment reset = talk.next(End::peer, Rst | Ack);
    reset.checksum = Checksum::Wrong;
    EXPECT_EQ(inject(talk, reset).find(FST_EVENT_RST), nullptr);
    expect_same_baseline(before, talk.flow());
    EXPECT_EQ(watching().counter(FST_COUNT_DAMAGED), damaged + 1);
}

TEST_P(DatapathAcceptance, ADamagedFinClosesNothing) {
    Conversation talk = established(watching());
    const fst_flow before = talk.flow();
    Segment fin = talk.next(End::peer, Fin | Ack);
    fin.checksum = Checksum::Wrong;
    inject(talk, fin);
    expect_same_baseline(before, talk.flow());
}

TEST_P(DatapathAcceptance, ADamagedSegmentFromElsewhereTeachesNoDistance) {
    for (const std::size_t payload : {0U, 1400U}) {
        Conversation talk = established(watching());
        const fst_flow before = talk.flow();
        Segment segment = talk.next(End::peer, Psh | Ack, payload);
        segment.ttl = kForeignTtl;
        segment.checksum = Checksum::Wrong;
        inject(talk, segment);
        expect_same_baseline(before, talk.flow());
    }
}

/// What a stack does accept, and takes something from, teaches as before. What may be a packet
/// repeated by anyone does not.
TEST_P(DatapathAcceptance, ARouteChangeIsLearned) {
    for (const std::size_t payload : {0U, 1400U}) {
        Conversation talk = established(watching());
        Segment repeated = talk.next(End::peer, Ack);
        repeated.ttl -= 3;
        EXPECT_EQ(inject(talk, repeated).find(FST_EVENT_TTL), nullptr);
        talk.send(End::us, Psh | Ack, 100);
        Segment segment = talk.next(End::peer, Psh | Ack, payload);
        segment.ttl -= 3;
        EXPECT_NE(talk.send(segment).find(FST_EVENT_TTL), nullptr);
    }
}

/// A blind SYN and SYN-ACK: the open connection stays what it is.
TEST_P(DatapathAcceptance, ASpoofedHandshakeEndsNoFlow) {
    Conversation talk = established(watching());
    const fst_flow before = talk.flow();
    Segment syn = talk.next(End::us, Syn);
    syn.seq = 0x12345678;
    Segment syn_ack = talk.next(End::peer, Syn | Ack);
    syn_ack.seq = 0x9abcdef0;
    syn_ack.ack = syn.seq + 1;
    inject_at(talk, hook(), syn);
    inject(talk, syn_ack);
    EXPECT_EQ(talk.flow().generation, before.generation);
    talk.exchange(1);
    EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
    EXPECT_NE(talk.send(crude_reset(talk)).judgement().verdict, FST_VERDICT_GENUINE);
}

/// In a direction that fits, too: only the third packet shows that both ends mean it.
TEST_P(DatapathAcceptance, ANewHandshakeNeedsItsThirdPacket) {
    Conversation talk = established(watching());
    const fst_flow before = talk.flow();
    Segment syn = talk.next(End::peer, Syn);
    syn.seq = 0x12345678;
    inject(talk, syn);
    Segment syn_ack = talk.next(End::us, Syn | Ack);
    syn_ack.seq = 0x9abcdef0;
    for (const std::uint32_t ack : {0x70000123U, syn.seq + 1}) {
        syn_ack.ack = ack;
        inject_at(talk, FST_HOOK_TC_EGRESS, syn_ack);
        EXPECT_EQ(talk.flow().generation, before.generation) << ack;
    }
    Segment third = talk.next(End::peer, Ack);
    third.seq = syn.seq + 1;
    third.ack = syn_ack.seq + 1;
    EXPECT_NE(inject(talk, third).find(FST_EVENT_ESTABLISHED), nullptr);
    const fst_flow after = talk.flow();
    EXPECT_EQ(after.generation, before.generation + 1);
    EXPECT_NE(after.state & FST_FLOW_ESTABLISHED, 0u);
    EXPECT_EQ(after.state & FST_FLOW_MIDWAY, 0u);
    EXPECT_EQ(after.isn[talk.index(End::peer)], syn.seq);
    EXPECT_EQ(after.isn[talk.index(End::us)], syn_ack.seq);
}

/// Its clock is not known before its first packet with a timestamp, wherever that clock stands.
TEST_P(DatapathAcceptance, ANewConnectionsClockMayStandAnywhere) {
    for (const std::uint32_t clock : {1U, 0x80000001U, 0xc0000000U}) {
        SCOPED_TRACE(clock);
        Conversation talk = established(watching());
        Segment syn = talk.next(End::peer, Syn);
        syn.seq = 0x12345678;
        inject(talk, syn);
        Segment syn_ack = talk.next(End::us, Syn | Ack);
        syn_ack.seq = 0x9abcdef0;
        syn_ack.ack = syn.seq + 1;
        inject_at(talk, FST_HOOK_TC_EGRESS, syn_ack);
        Segment third = talk.next(End::peer, Ack);
        third.seq = syn.seq + 1;
        third.ack = syn_ack.seq + 1;
        third.timestamps->val = clock;
        inject(talk, third);
        EXPECT_EQ(talk.direction(End::peer).ts_val, clock);
    }
}

/// Packets that passed elsewhere: when both ends show that they have gone on, so do we.
TEST_P(DatapathAcceptance, AStreamThatWentOnElsewhereIsFollowedAgain) {
    Conversation talk = established(watching());
    constexpr std::uint32_t kMissed = 20'000'000;
    const std::uint32_t peers = talk.edge(End::peer) + kMissed;
    const std::uint32_t ours = talk.edge(End::us) + kMissed;
    for (int i = 0; i < 4; i++) {
        talk.pass_ms(1);
        Segment data = talk.next(End::peer, Psh | Ack, 1000);
        data.seq = peers + i * 1000;
        data.ack = ours;
        inject(talk, data);
        talk.pass_ms(1);
        Segment ack = talk.next(End::us, Ack);
        ack.seq = ours;
        ack.ack = data.seq + 1000;
        inject_at(talk, FST_HOOK_TC_EGRESS, ack);
    }
    EXPECT_EQ(talk.direction(End::peer).seq_edge, peers + 4000);
    EXPECT_EQ(talk.direction(End::us).ack_edge, peers + 4000);
    EXPECT_EQ(talk.direction(End::us).seq_edge, ours);
    EXPECT_EQ(talk.direction(End::peer).ttl[0], talk.setting().peer.ttl);
}

class DatapathPersistence : public DatapathAcceptance {};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathPersistence, ::testing::ValuesIn(ingress_hooks()),
                         case_name);

/// FINs can be forged as RSTs can: they do not license what is known to be forged.
TEST_P(DatapathPersistence, AClosedFlowDoesNotPassAConfirmedReset) {
    use(FST_DROP_CONFIRMED, FST_CHALLENGE_ALL);
    Conversation talk = established(acting());
    talk.send(End::peer, Fin | Ack);
    talk.send(End::us, Fin | Ack);
    Segment reset = crude_reset(talk);
    reset.id = talk.ids(End::us).back();
    reset.window = 4321;
    const fst_judgement judged = talk.send(reset).judgement();
    ASSERT_EQ(judged.verdict, FST_VERDICT_CONFIRMED);
    EXPECT_NE(judged.action, FST_ACTION_OBSERVED) << int(judged.pass_reason);
}

/// A reset cut into IP fragments: what splits TCP's header is dropped, and a first fragment that is
/// known to be forged.
TEST_P(DatapathPersistence, FragmentsHideNoReset) {
    use(FST_DROP_CONFIRMED, FST_CHALLENGE_ALL);
    for (const bool v6 : {false, true}) {
        Conversation talk = established(acting(), {.v6 = v6});
        Segment reset = crude_reset(talk);
        reset.payload = 40;
        const Bytes whole = talk.encode(reset);
        const std::size_t header = v6 ? 40 : 20;
        const Bytes segment(whole.begin() + 14 + std::ptrdiff_t(header), whole.end());
        const auto fragment = [&](std::size_t from, std::size_t to) {
            const Bytes part(segment.begin() + std::ptrdiff_t(from),
                             segment.begin() + std::ptrdiff_t(std::min(to, segment.size())));
            const bool more = to < segment.size();
            const auto offset = static_cast<std::uint16_t>(from / 8);
            const Packet link = Ethernet{.src = reset.mac};
            const Packet net =
                v6 ? link / Ipv6{} / Fragment{.offset = offset, .more = more, .next_header = 6}
                   : link / Ipv4{.df = false,
                                 .more_fragments = more,
                                 .fragment_offset = offset,
                                 .protocol = 6};
            return acting().run(hook(), {.bytes = (net / Packet(Payload(part))).bytes()});
        };
        const std::uint64_t split = acting().counter(FST_COUNT_SPLIT_HEADER);
        EXPECT_TRUE(fragment(0, 8).dropped);
        EXPECT_TRUE(fragment(8, 99).dropped);
        EXPECT_TRUE(fragment(0, 16).dropped);
        EXPECT_TRUE(fragment(16, 99).dropped);
        EXPECT_EQ(acting().counter(FST_COUNT_SPLIT_HEADER), split + 4);
        EXPECT_FALSE(fragment(24, 99).dropped);
        use(FST_DROP_OFF, FST_CHALLENGE_OFF);
        EXPECT_FALSE(fragment(0, 8).dropped) << "observing";
        use(FST_DROP_CONFIRMED, FST_CHALLENGE_ALL);
    }
}

/// An idle stream and a mimic with the peer's distance, timestamps and numbers: that it insists is
/// no proof. What is asked so often must be spread over time, too.
TEST_P(DatapathPersistence, TheNinthOfABurstIsNotBelieved) {
    use(FST_DROP_CONFIRMED, FST_CHALLENGE_ALL);
    Conversation talk = established(acting());
    talk.pass_ms(20'000);
    for (int i = 0; i < 40; i++) {
        const Segment reset = talk.next(End::peer, Rst | Ack);
        const Outcome outcome = inject(talk, reset);
        EXPECT_NE(outcome.judgement().action, FST_ACTION_OBSERVED)
            << i << ": " << int(outcome.judgement().pass_reason);
        talk.pass_ms(1);
        talk.send(End::us, Ack);  // the challenge ACK
        talk.pass_ms(29);
    }
}

}  // namespace
}  // namespace flowstamp::testing
