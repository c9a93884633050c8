// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The events reported to user space, of each kind.
#include <algorithm>
#include <cstring>

#include "tests/datapath/fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathEvent : public DatapathTest {
  protected:
    Conversation established(Rig& rig, const Setting& setting = {}) {
        Conversation talk(rig, hook(), setting);
        talk.open().exchange(5);
        talk.pass_ms(200);
        return talk;
    }
    static const fst_judgement* after_reset(const Outcome& outcome) {
        const SeenEvent* seen = outcome.find(FST_EVENT_AFTER_RST);
        return seen == nullptr ? nullptr : &seen->event.judgement;
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathEvent, ::testing::ValuesIn(every_hook()), case_name);

/// A forgery that leaves the flow open.
Segment suspected(Conversation& talk) {
    Segment reset = talk.stateless_reset();
    reset.ttl += 2;
    return reset;
}

TEST_P(DatapathEvent, VersionKindAndSize) {
    Conversation talk(watching(), hook());
    std::vector<Outcome> outcomes;
    outcomes.push_back(talk.send(End::us, Syn));
    outcomes.push_back(talk.send(End::peer, Syn | Ack));
    outcomes.push_back(talk.send(End::us));
    Segment routed = talk.next(End::peer, Ack, 10);
    routed.ttl -= 1;
    outcomes.push_back(talk.send(routed));
    outcomes.push_back(talk.send(End::us, Fin | Ack));
    outcomes.push_back(talk.send(suspected(talk)));
    outcomes.push_back(talk.send(End::peer));
    std::vector<int> kinds;
    for (const Outcome& outcome : outcomes) {
        for (const SeenEvent& seen : outcome.events) {
            const fst_record_header& header = seen.event.header;
            kinds.push_back(header.kind);
            EXPECT_EQ(header.version, FST_CONTRACT_VERSION);
            EXPECT_EQ(header.size,
                      header.kind == FST_EVENT_RST ? sizeof(fst_flow_event) : sizeof(fst_event));
            EXPECT_EQ(seen.event.slot, talk.slot());
            EXPECT_EQ(seen.event.generation, talk.flow().generation);
        }
    }
    EXPECT_EQ(kinds,
              (std::vector<int>{FST_EVENT_SYN, FST_EVENT_SYN_ACK, FST_EVENT_ESTABLISHED,
                                FST_EVENT_TTL, FST_EVENT_FIN, FST_EVENT_RST, FST_EVENT_AFTER_RST}));
}

/// Ordinary packets cause no events, only stamps.
TEST_P(DatapathEvent, NoEventsForOrdinaryPackets) {
    Conversation talk = established(watching());
    for (int i = 0; i < 50; i++) {
        EXPECT_TRUE(talk.send(End::us, Psh | Ack, 100).events.empty());
        talk.pass_ms(20);
        EXPECT_TRUE(talk.send(End::peer, Psh | Ack, 900).events.empty());
    }
}

/// A RST's event carries the slot as it was when the RST arrived, and the reset state.
TEST_P(DatapathEvent, AResetCarriesItsFlow) {
    Conversation talk = established(watching());
    const fst_flow before = talk.flow();
    const Segment reset = suspected(talk);
    const Outcome outcome = talk.send(reset);
    ASSERT_NE(outcome.find(FST_EVENT_RST), nullptr);
    const fst_flow& reported = *outcome.find(FST_EVENT_RST)->flow;
    EXPECT_EQ(std::memcmp(reported.direction, before.direction, sizeof(reported.direction)), 0);
    EXPECT_EQ(std::memcmp(&reported.key, &before.key, sizeof(reported.key)), 0);
    EXPECT_EQ(reported.rst_seq[talk.index(End::peer)], reset.seq);
    const fst_packet& packet = outcome.find(FST_EVENT_RST)->event.packet;
    EXPECT_EQ(packet.direction, talk.index(End::peer));
    EXPECT_EQ(packet.hook, hook());
    EXPECT_EQ(packet.seq, reset.seq);
    EXPECT_EQ(packet.time_ns, watching().now_ns());
}

TEST_P(DatapathEvent, LivenessAfterAReset) {
    Conversation talk = established(watching());
    talk.send(suspected(talk));
    talk.pass_us(300);
    Segment in_flight = talk.next(End::peer, Psh | Ack, 100);
    in_flight.timestamps->val -= 20;  // sent before the RST arrived
    const Outcome early = talk.send(in_flight);
    ASSERT_NE(after_reset(early), nullptr);
    EXPECT_EQ(after_reset(early)->signals, 0U);

    talk.send(End::us, Psh | Ack, 100);
    talk.pass_ms(20);
    const Outcome alive = talk.send(End::peer, Psh | Ack, 100);
    ASSERT_NE(after_reset(alive), nullptr);
    EXPECT_EQ(signal_names(after_reset(alive)->signals), "LIVENESS_ACK|LIVENESS_CLOCK");
    EXPECT_NE(talk.flow().reset_flags[talk.index(End::peer)] & FST_RESET_ALIVE, 0);
}

/// A reset with valid timestamps has its sender's clock: packets that it overtook, by as much as a
/// round trip, are not later.
TEST_P(DatapathEvent, PacketsOvertakenByACorroboratedResetAreNoLiveness) {
    Conversation talk = established(watching());
    Segment reset = talk.next(End::peer, Rst | Ack);
    reset.timestamps->val += 40;  // it is faster than all before it
    const std::uint32_t clock = reset.timestamps->val;
    ASSERT_TRUE(talk.send(reset).judgement().signals & FST_SIGNAL_BIT(FST_SIGNAL_TIMESTAMPS_VALID));
    for (const auto& [ticks, lives] : {std::pair{13U, false}, std::pair{60U, true}}) {
        Segment later = talk.next(End::peer, Psh | Ack, 100);
        later.timestamps->val = clock + ticks;
        const Outcome outcome = talk.send(later);
        ASSERT_NE(after_reset(outcome), nullptr);
        EXPECT_EQ(signal_names(after_reset(outcome)->signals), lives ? "LIVENESS_CLOCK" : "none");
    }
}

/// On a path that reorders, a reset may have been faster than any packet before it.
TEST_P(DatapathEvent, OnAReorderingPathTheClockNeedsOneMoreRoundTrip) {
    Conversation talk = established(watching());
    talk.send(End::peer, Psh | Ack, 200);
    Segment overtaken = talk.next(End::peer, Psh | Ack, 100);
    overtaken.seq -= 200;
    talk.send(overtaken);
    ASSERT_EQ(talk.direction(End::peer).retransmitted, 1);
    talk.send(suspected(talk));
    talk.pass_ms(10);
    const Outcome early = talk.send(End::peer, Psh | Ack, 100);
    ASSERT_NE(after_reset(early), nullptr);
    EXPECT_EQ(after_reset(early)->signals, 0U);
    talk.pass_ms(30);
    const Outcome late = talk.send(End::peer, Psh | Ack, 100);
    ASSERT_NE(after_reset(late), nullptr);
    EXPECT_EQ(signal_names(after_reset(late)->signals), "LIVENESS_CLOCK");
}

/// A sender that no longer receives ACKs can still send the contents of its window, but no more.
TEST_P(DatapathEvent, MoreThanTheWindowHeld) {
    Setting setting;
    setting.us.timestamps = false;
    Conversation talk = established(watching(), setting);
    const std::uint32_t window = std::uint32_t{talk.direction(End::us).window} << setting.us.wscale;
    const Segment reset = suspected(talk);
    talk.send(reset);
    talk.pass_ms(1000);
    for (const auto& [seq, hears] :
         {std::pair{reset.seq + window - 100, false}, std::pair{reset.seq + window + 1, true}}) {
        Segment later = talk.next(End::peer, Psh | Ack, 100);
        later.seq = seq;
        const Outcome outcome = talk.send(later);
        ASSERT_NE(after_reset(outcome), nullptr);
        EXPECT_EQ(signal_names(after_reset(outcome)->signals), hears ? "BEYOND_WINDOW" : "none");
        talk.send(End::us);  // the window goes on
    }
}

/// A packet from another distance is another host's; what the receiver refuses is nothing.
TEST_P(DatapathEvent, NoLivenessFromAnotherDistance) {
    for (const bool unfit : {false, true}) {
        Conversation talk = established(watching());
        talk.send(suspected(talk));
        talk.send(End::us, Psh | Ack, 100);
        talk.pass_ms(20);
        Segment other = talk.next(End::peer, Psh | Ack, 100);
        if (unfit) {
            other.seq += 0x10000000;
        } else {
            other.ttl += 2;
        }
        const Outcome outcome = talk.send(other);
        EXPECT_EQ(after_reset(outcome) == nullptr, unfit);
        if (!unfit) {
            EXPECT_EQ(after_reset(outcome)->signals, 0U);
        }
    }
}

/// After a RST a limited number of packets is reported, then only the first sign of liveness.
TEST_P(DatapathEvent, ReportsALimitedNumberOfPackets) {
    Setting setting;
    setting.us.timestamps = false;  // so that only an ACK can show liveness
    Conversation talk = established(watching(), setting);
    talk.send(suspected(talk));
    int reported = 0;
    for (int i = 0; i < 2 * FST_AFTER_RST_REPORTED; i++) {
        reported += after_reset(talk.send(End::peer, Ack, 10)) != nullptr ? 1 : 0;
    }
    EXPECT_EQ(reported, FST_AFTER_RST_REPORTED);
    talk.send(End::us, Psh | Ack, 100);
    talk.pass_ms(20);
    EXPECT_NE(after_reset(talk.send(End::peer)), nullptr);
}

/// Reports end two seconds after the RST, or at a new SYN.
TEST_P(DatapathEvent, ReportsEndAfterTwoSecondsOrAtANewSyn) {
    Conversation talk = established(watching());
    talk.send(suspected(talk));
    talk.pass_ms(2001);
    EXPECT_EQ(after_reset(talk.send(End::peer)), nullptr);
    EXPECT_FALSE(talk.state_has(FST_FLOW_AFTER_RST, End::peer));
}

/// An ICMP error about a known flow that quotes only what a router must.
TEST_P(DatapathEvent, IcmpErrors) {
    for (const bool v6 : {false, true}) {
        for (const std::size_t quoted_tcp : {8, 20, 32}) {
            SCOPED_TRACE(::testing::Message() << v6 << ", " << quoted_tcp);
            Conversation talk = established(watching(), {.v6 = v6});
            const Packet inner = v6 ? Packet(Ipv6{}) : Packet(Ipv4{});
            const Tcp ours{.src_port = talk.port(End::us),
                           .dst_port = 443,
                           .seq = talk.edge(End::us),
                           .options = nop_nop_timestamps(1, 2)};
            const Quoted quoted(Ethernet{} / inner / ours, (v6 ? 40 : 20) + quoted_tcp);
            const Packet error =
                v6 ? Ethernet{} /
                         Ipv6{.src = "2001:db8:ff::9", .dst = "2001:db8::1", .hop_limit = 61} /
                         Icmpv6{.type = 1, .code = 4} / quoted
                   : Ethernet{} / Ipv4{.src = "203.0.113.9", .dst = "192.0.2.1", .ttl = 61} /
                         Icmp{.type = 3, .code = 13} / quoted;
            const fst_flow before = talk.flow();
            const Outcome outcome = watching().run(hook(), {.bytes = error.bytes()});
            const SeenEvent* reported = outcome.find(FST_EVENT_ICMP_ERROR);
            ASSERT_NE(reported, nullptr);
            const fst_packet& packet = reported->event.packet;
            EXPECT_TRUE(talk.owns(packet.key));
            EXPECT_EQ(reported->event.slot, talk.slot());
            EXPECT_EQ(packet.direction, talk.index(End::us)) << "the quoted segment's sender";
            EXPECT_EQ(packet.seq, talk.edge(End::us));
            EXPECT_EQ(packet.icmp_type, v6 ? 1 : 3);
            EXPECT_EQ(packet.icmp_code, v6 ? 4 : 13);
            EXPECT_EQ(packet.ttl, 61);
            EXPECT_EQ(packet.icmp_source[v6 ? 0 : 3],
                      __builtin_bswap32(v6 ? 0x20010db8 : 0xcb007109));
            const fst_flow after = talk.flow();
            EXPECT_EQ(std::memcmp(&before, &after, sizeof(before)), 0)
                << "nothing is learned from it";
        }
    }
}

TEST_P(DatapathEvent, IcmpAboutAnUnknownFlow) {
    const auto run = [&](const Packet& packet) {
        return watching().run(hook(), {.bytes = packet.bytes()}).events.size();
    };
    const Quoted unknown(Ethernet{} / Ipv4{} / Tcp{.src_port = 9});
    const std::uint64_t flows = watching().counter(FST_COUNT_FLOW_NEW);
    const std::uint64_t errors = watching().counter(FST_COUNT_ICMP_ERROR);
    EXPECT_EQ(run(Ethernet{} / Ipv4{} / Icmp{} / unknown), 0U);
    EXPECT_EQ(watching().counter(FST_COUNT_ICMP_ERROR), errors + 1);
    EXPECT_EQ(watching().counter(FST_COUNT_FLOW_NEW), flows) << "it begins no flow";
    EXPECT_EQ(run(Ethernet{} / Ipv4{} / Icmp{.type = 8, .code = 0} / unknown), 0U);
    EXPECT_EQ(run(Ethernet{} / Ipv4{} / Icmp{} / Quoted(Ethernet{} / Ipv4{} / Udp{})), 0U);
    EXPECT_EQ(run(Ethernet{} / Ipv4{} / Icmp{} / Quoted(Ethernet{} / Ipv4{} / Tcp{}, 20 + 7)), 0U);
    EXPECT_EQ(watching().counter(FST_COUNT_ICMP_ERROR), errors + 1);
}

}  // namespace
}  // namespace flowstamp::testing
