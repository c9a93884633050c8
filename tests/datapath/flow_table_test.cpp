// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Where flows are stored, and which one is evicted when there is no room.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "flowstamp/config.h"
#include "tests/datapath/fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathTable : public DatapathTest {
  protected:
    /// A table of the slots of one run: each flow can be in any of them.
    std::unique_ptr<Rig> tiny() {
        auto rig = fresh({.max_flows = kTiny});
        EXPECT_EQ(rig->slots(), kTiny);
        return rig;
    }
    static constexpr std::uint32_t kTiny = FST_RUN_SLOTS;

    std::size_t used(const Rig& rig) {
        std::size_t count = 0;
        for (std::uint32_t slot = 0; slot < rig.slots(); slot++) {
            count += rig.flow(slot).has_value() ? 1 : 0;
        }
        return count;
    }
    /// Handshakes of that many flows that begin here, as far as there is room.
    void open_many(Rig& rig, std::uint16_t flows, std::uint16_t first_port = 10'000) {
        const Ipv4 back{.src = Ipv4{}.dst, .dst = Ipv4{}.src};
        for (std::uint16_t port = first_port; port < first_port + flows; port++) {
            const Tcp syn{.src_port = port, .seq = 99, .flags = Syn};
            const Tcp syn_ack{
                .src_port = 443, .dst_port = port, .seq = 499, .ack = 100, .flags = Syn | Ack};
            const Tcp ack{.src_port = port, .seq = 100, .ack = 500};
            rig.run(FST_HOOK_TC_EGRESS, {.bytes = (Ethernet{} / Ipv4{} / syn).bytes()});
            rig.run(hook(), {.bytes = (Ethernet{} / back / syn_ack).bytes()});
            rig.run(FST_HOOK_TC_EGRESS, {.bytes = (Ethernet{} / Ipv4{} / ack).bytes()});
        }
    }
    static std::size_t established(const Rig& rig) {
        std::size_t count = 0;
        for (std::uint32_t slot = 0; slot < rig.slots(); slot++) {
            const auto flow = rig.flow(slot);
            count += flow && (flow->state & FST_FLOW_ESTABLISHED) ? 1 : 0;
        }
        return count;
    }
    static bool is_stored(const Rig& rig, const Conversation& talk) {
        return rig.find([&](const fst_flow& flow) { return talk.owns(flow.key); }).has_value();
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathTable, ::testing::ValuesIn(every_hook()), case_name);

TEST_P(DatapathTable, BothDirectionsAreOneFlow) {
    const auto rig = fresh({.max_flows = 64});
    for (const bool v6 : {false, true}) {
        Conversation talk(*rig, hook(), {.v6 = v6});
        talk.open().exchange(3);
        EXPECT_EQ(talk.direction(End::peer).packets, 4U);
        EXPECT_EQ(talk.direction(End::us).packets, 8U);
        EXPECT_EQ(talk.flow().generation, 1U);
    }
    EXPECT_EQ(used(*rig), 2U);
    EXPECT_EQ(rig->counter(FST_COUNT_FLOW_NEW), 2U);
}

TEST_P(DatapathTable, EachInterfaceHasItsOwn) {
    std::set<std::uint32_t> slots;
    const auto rig = fresh({.max_flows = 64});
    for (const std::uint32_t ifindex : interfaces()) {
        Conversation talk(*rig, hook(), {.ifindex = ifindex});
        const Bytes frame = (Ethernet{} / Ipv4{} / Tcp{.flags = Syn}).bytes();
        const Outcome outcome = rig->run(hook(), {.bytes = frame, .ifindex = ifindex});
        ASSERT_NE(outcome.find(FST_EVENT_SYN), nullptr);
        EXPECT_EQ(outcome.find(FST_EVENT_SYN)->event.packet.key.ifindex, ifindex);
        slots.insert(outcome.find(FST_EVENT_SYN)->event.slot);
    }
    EXPECT_EQ(slots.size(), interfaces().size());
}

/// The compiler must not fold the seed: knowing the program must not reveal the bucket.
TEST_P(DatapathTable, TheSeedChoosesTheBuckets) {
    constexpr int kFlows = 256;
    std::array<std::vector<std::uint32_t>, 4> slots{};
    const std::array<std::array<std::uint64_t, 2>, 4> seeds{
        {{0x9d3c5f4a1b2e7081, 0x35a1c9e27f604bd8},
         {0x9d3c5f4a1b2e7081, 0x35a1c9e27f604bda},
         {0x9d3c5f4a1b2e7083, 0x35a1c9e27f604bd8},
         {0x9d3c5f4a1b2e7081, 0x35a1c9e27f604bd8}}};
    for (std::size_t i = 0; i < seeds.size(); i++) {
        const auto rig = fresh({.seed = seeds.at(i), .max_flows = 65536});
        for (std::uint16_t port = 1000; port < 1000 + kFlows; port++) {
            const Bytes frame = (Ethernet{} / Ipv4{} / Tcp{.src_port = port, .flags = Syn}).bytes();
            slots.at(i).push_back(
                rig->run(hook(), {.bytes = frame}).find(FST_EVENT_SYN)->event.slot);
        }
        // Spread out, too: rarely two near each other.
        std::set<std::uint32_t> places;
        for (const std::uint32_t slot : slots.at(i)) {
            places.insert(slot / FST_RUN_SLOTS);
        }
        EXPECT_GT(places.size(), kFlows * 9 / 10);
    }
    EXPECT_EQ(slots[0], slots[3]);
    for (const std::size_t other : {1, 2}) {
        int same = 0;
        for (std::size_t i = 0; i < kFlows; i++) {
            same += slots[0].at(i) == slots.at(other).at(i) ? 1 : 0;
        }
        EXPECT_LT(same, 4);
    }
}

/// As many established flows at once as the table is made for: four runs of four and a sixth of the slots to
/// spare hold 99.2% of them, and none is given up for another.
TEST_P(DatapathTable, HoldsNearlyAllThatItIsMadeFor) {
    constexpr std::uint16_t kFlows = 20'000;
    const auto rig = fresh({.max_flows = kFlows});
    open_many(*rig, kFlows);
    EXPECT_GE(established(*rig), kFlows * 98U / 100);
    EXPECT_EQ(rig->counter(FST_COUNT_EVICT_LIVE) + rig->counter(FST_COUNT_EVICT_IDLE), 0U);
    EXPECT_LE(rig->counter(FST_COUNT_FLOW_LOST), 3 * kFlows * 2U / 100) << "3 packets of each";
}

/// Next to nothing is lost while a third of the slots is free.
TEST_P(DatapathTable, HoldsNearlyAllOfFourFifths) {
    constexpr std::uint16_t kFlows = 16'000;
    const auto rig = fresh({.max_flows = kFlows * 5 / 4});
    open_many(*rig, kFlows);
    EXPECT_GE(established(*rig), kFlows * 99U / 100);
}

/// A table need not be of a power of two slots, and a run goes on from the last slot to the first.
TEST_P(DatapathTable, EverySlotIsUsed) {
    const auto rig = fresh({.max_flows = 1000});
    ASSERT_EQ(rig->slots(), 1200U);
    for (std::uint16_t port = 10'000; used(*rig) < rig->slots(); port += 1000) {
        ASSERT_LT(port, 60'000);
        open_many(*rig, 1000, port);
    }
}

/// A flow that stands at another slot than its first is found by each of its packets, and has one slot.
TEST_P(DatapathTable, FlowsAtOtherSlotsAreFoundAgain) {
    const auto rig = fresh({.max_flows = 1000});
    open_many(*rig, 900);
    const std::uint64_t begun = rig->counter(FST_COUNT_FLOW_NEW);
    const std::size_t held = used(*rig);
    for (int i = 0; i < 3; i++) {
        for (std::uint16_t port = 10'000; port < 10'900; port++) {
            const Tcp ack{.src_port = port, .seq = 100, .ack = 500};
            rig->run(FST_HOOK_TC_EGRESS, {.bytes = (Ethernet{} / Ipv4{} / ack).bytes()});
        }
    }
    EXPECT_EQ(rig->counter(FST_COUNT_FLOW_NEW), begun);
    EXPECT_EQ(used(*rig), held);
}

/// Four slots, a flow of each kind: the fifth evicts the one of lowest priority.
TEST_P(DatapathTable, EvictsClosedThenHalfOpenThenIdle) {
    const auto rig = tiny();
    std::vector<Conversation> conversations;
    const auto open = [&] { return &(conversations.emplace_back(*rig, hook()).open()); };
    conversations.reserve(16);
    Conversation& idle = *open();
    rig->advance_ms(70'000);
    Conversation& half_open = conversations.emplace_back(*rig, hook());
    half_open.send(End::us, Syn);
    Conversation& closed = *open();
    closed.send(closed.next(End::us, Rst | Ack));
    open();
    ASSERT_EQ(used(*rig), kTiny);
    rig->advance_ms(4000);

    const auto evicted_by_next = [&](const Conversation& victim, fst_counter counter,
                                     TcpFlags flags = Syn) {
        Conversation& next = conversations.emplace_back(*rig, hook());
        const Outcome outcome = next.send(End::us, flags);
        EXPECT_FALSE(is_stored(*rig, victim));
        EXPECT_EQ(rig->counter(counter), 1U);
        next.pass_us(20'000);
        next.send(End::peer, Syn | Ack);
        next.send(End::us);
        return outcome;
    };
    const Outcome ended = evicted_by_next(closed, FST_COUNT_EVICT_CLOSED);
    ASSERT_NE(ended.find(FST_EVENT_ENDED), nullptr);
    EXPECT_TRUE(closed.owns(ended.find(FST_EVENT_ENDED)->flow->key));
    EXPECT_EQ(evicted_by_next(half_open, FST_COUNT_EVICT_HALF_OPEN).events.size(), 1U)
        << "an event per evicted half-open flow would crowd out others";
    const Outcome evicted = evicted_by_next(idle, FST_COUNT_EVICT_IDLE, Ack);
    ASSERT_NE(evicted.find(FST_EVENT_EVICTED), nullptr);
    EXPECT_TRUE(idle.owns(evicted.find(FST_EVENT_EVICTED)->flow->key));
    EXPECT_EQ(rig->counter(FST_COUNT_FLOW_LOST), 0U);
}

/// Both ends have sent their FIN, and bytes of ours are still on their way, as while their path is interrupted: the
/// connection has not ended, and no flood takes its slot; after a quarter of an hour the stack has given it up.
TEST_P(DatapathTable, WhatWaitsForTheAckOfItsFinIsNotClosed) {
    const auto rig = tiny();
    std::vector<Conversation> conversations;
    conversations.reserve(kTiny);
    for (std::uint32_t i = 0; i < kTiny; i++) {
        Conversation& talk = conversations.emplace_back(*rig, hook());
        talk.open().exchange(5);
        talk.send(End::peer, Fin | Ack);
        talk.pass_us(100);
        talk.send(End::us, Psh | Ack, 1000);
        talk.send(End::us, Fin | Ack);
    }
    ASSERT_EQ(used(*rig), kTiny);
    const auto open_another = [&] {
        const Tcp syn{.src_port = fresh_port(), .dst_port = 22, .flags = Syn};
        rig->run(hook(), {.bytes = (Ethernet{} / Ipv4{} / syn).bytes()});
        return rig->counter(FST_COUNT_EVICT_CLOSED);
    };
    rig->advance_ms(70'000);
    EXPECT_EQ(open_another(), 0U);
    EXPECT_EQ(rig->counter(FST_COUNT_FLOW_LOST), 1U);
    rig->advance_ms(std::uint64_t{16} * 60'000);
    EXPECT_EQ(open_another(), 1U);
}

/// Flows with recent packets stay; older ones are evicted, oldest first, but not by a SYN, and that
/// is reported.
TEST_P(DatapathTable, LiveFlowsAreKept) {
    const auto rig = tiny();
    std::vector<Conversation> conversations;
    for (std::uint32_t i = 0; i < kTiny; i++) {
        conversations.emplace_back(*rig, hook());
        conversations.back().open();
        rig->advance_ms(50);
    }
    ASSERT_EQ(used(*rig), kTiny);
    const Bytes syn =
        (Ethernet{} / Ipv4{} / Tcp{.src_port = fresh_port(), .dst_port = 22, .flags = Syn}).bytes();
    const Outcome lost = rig->run(hook(), {.bytes = syn});
    EXPECT_FALSE(lost.dropped);
    EXPECT_TRUE(lost.events.empty());
    EXPECT_EQ(rig->counter(FST_COUNT_FLOW_LOST), 1U);
    EXPECT_EQ(rig->counter(FST_COUNT_FLOW_NEW), kTiny);

    rig->advance_ms(20'000);
    for (std::size_t i = 1; i < kTiny; i++) {
        conversations.at(i).send(End::us);
    }
    rig->advance_ms(15'000);
    for (const TcpFlags opens : {Syn, Syn | Ack, Rst}) {
        const Bytes frame =
            (Ethernet{} / Ipv4{} / Tcp{.src_port = fresh_port(), .dst_port = 22, .flags = opens})
                .bytes();
        rig->run(hook(), {.bytes = frame});
    }
    EXPECT_EQ(rig->counter(FST_COUNT_FLOW_LOST), 4U);
    EXPECT_EQ(rig->counter(FST_COUNT_EVICT_LIVE), 0U);
    const Bytes data =
        (Ethernet{} / Ipv4{} / Tcp{.src_port = fresh_port(), .dst_port = 22}).bytes();
    if (hook() != FST_HOOK_TC_EGRESS) {
        rig->run(hook(), {.bytes = data});
        EXPECT_EQ(rig->counter(FST_COUNT_FLOW_LOST), 5U) << "anyone can send it";
        EXPECT_EQ(rig->counter(FST_COUNT_EVICT_LIVE), 0U);
    }
    const Outcome taken = rig->run(FST_HOOK_TC_EGRESS, {.bytes = data});
    EXPECT_EQ(rig->counter(FST_COUNT_EVICT_LIVE), 1U);
    ASSERT_NE(taken.find(FST_EVENT_EVICTED), nullptr);
    EXPECT_TRUE(conversations[0].owns(taken.find(FST_EVENT_EVICTED)->flow->key)) << "the oldest";
}

/// A hundred thousand spoofed SYNs into a table for four thousand that is half full of idle flows. None is
/// evicted.
TEST_P(DatapathTable, SynFloodEvictsNoEstablishedFlow) {
    const auto rig = fresh({.max_flows = 4096});
    open_many(*rig, 2048);
    const std::size_t before = established(*rig);
    ASSERT_GT(before, 2000U);
    const auto evicted = [&] {
        return rig->counter(FST_COUNT_EVICT_LIVE) + rig->counter(FST_COUNT_EVICT_IDLE) +
               rig->counter(FST_COUNT_EVICT_CLOSED);
    };
    const std::uint64_t evicted_before = evicted();
    rig->advance_ms(70'000);
    Bytes frame = (Ethernet{} / Ipv4{} / Tcp{.dst_port = 80, .flags = Syn}).bytes();
    for (std::uint32_t i = 0; i < 100'000; i++) {
        frame[26] = static_cast<std::uint8_t>(10 + (i & 7));  // the source address and port
        frame[27] = static_cast<std::uint8_t>(i >> 3);
        frame[28] = static_cast<std::uint8_t>(i >> 11);
        frame[35] = static_cast<std::uint8_t>(i * 7);
        rig->advance_us(10);
        rig->run(hook(), {.bytes = frame});
    }
    EXPECT_EQ(established(*rig), before);
    EXPECT_EQ(evicted(), evicted_before);
    EXPECT_GT(rig->counter(FST_COUNT_EVICT_HALF_OPEN), 90'000U);
}

/// Nor may one spoofed FIN or RST make a flow the first to be evicted.
TEST_P(DatapathTable, ASpoofedEndClosesNoFlow) {
    for (const TcpFlags flags : {Fin | Ack, Rst, Rst | Ack}) {
        Conversation talk(watching(), hook());
        talk.open().exchange(4);
        talk.pass_ms(100);
        for (const End from : {End::peer, End::us}) {
            Segment spoofed = talk.next(from, flags);
            spoofed.seq += 0x40000000;
            talk.send(spoofed);
            EXPECT_FALSE(talk.state_has(FST_FLOW_FIN, from));
            EXPECT_FALSE(talk.state_has(FST_FLOW_RST, from));
        }
    }
}

TEST_P(DatapathTable, GenerationIdentifiesTheFlowInItsSlot) {
    const auto rig = tiny();
    std::uint32_t before = 0;
    for (std::uint32_t i = 0; i < 3 * kTiny; i++) {
        Conversation talk(*rig, hook());
        const Outcome outcome = talk.send(End::us, Syn);
        ASSERT_NE(outcome.find(FST_EVENT_SYN), nullptr);
        EXPECT_EQ(outcome.find(FST_EVENT_SYN)->event.generation, talk.flow().generation);
        before += talk.flow().generation;
        rig->advance_ms(1000);
    }
    EXPECT_EQ(before, kTiny * (1 + 2 + 3));
}

/// Where a router sends a connection's packets on by the interface that they came in by, no end is behind that
/// interface. A flood of pairs of made-up ACKs, none of which it sends on, evicts no such flow.
TEST_P(DatapathTable, AFloodEvictsNoFlowThatIsSentOnByItsOwnInterface) {
    if (in_kernel() || hook() == FST_HOOK_TC_EGRESS) {
        return;  // what leaves has a socket in the kernel's test runs, or does not come in at all
    }
    const auto rig = tiny();
    std::uint16_t id = 100;
    const auto pass_on = [&](const Ipv4& between, const Tcp& tcp) {
        Ipv4 net = between;
        net.id = id++;
        rig->run(hook(), {.bytes = (Ethernet{} / net / tcp).bytes()});
        net.ttl = static_cast<std::uint8_t>(net.ttl - 1);
        rig->run(FST_HOOK_TC_EGRESS,
                 {.bytes = (Ethernet{} / net / tcp).bytes(), .has_no_socket = true});
        rig->advance_ms(1);
    };
    const Ipv4 back{.src = Ipv4{}.dst, .dst = Ipv4{}.src};
    pass_on(Ipv4{}, {.src_port = 9000, .seq = 99, .flags = Syn});
    pass_on(back, {.src_port = 443, .dst_port = 9000, .seq = 499, .ack = 100, .flags = Syn | Ack});
    pass_on(Ipv4{}, {.src_port = 9000, .seq = 100, .ack = 500});
    pass_on(back, {.src_port = 443, .dst_port = 9000, .seq = 500, .ack = 100});
    rig->advance_ms(70'000);
    for (std::uint16_t port = 10'000; port < 10'100; port++) {
        const Tcp one{.src_port = port, .seq = 100, .ack = 500};
        const Tcp other{.src_port = 443, .dst_port = port, .seq = 500, .ack = 100};
        rig->run(hook(), {.bytes = (Ethernet{} / Ipv4{} / one).bytes()});
        rig->run(hook(), {.bytes = (Ethernet{} / back / other).bytes()});
        rig->advance_ms(1);
    }
    const auto is_it = [](const fst_flow& flow) {
        return flow.key.port[0] == htons(9000) || flow.key.port[1] == htons(9000);
    };
    EXPECT_TRUE(rig->find(is_it).has_value());
}

/// A blind flood of pairs of made-up ACKs through a router, both of whose ends are behind the interface: each packet
/// leaves by it, and comes in by another. It evicts no connection that rests; and its flows keep no new one out.
TEST_P(DatapathTable, AFloodThroughARouterEvictsNoFlow) {
    if (in_kernel() || hook() == FST_HOOK_TC_EGRESS) {
        return;  // what leaves has a socket in the kernel's test runs, or does not come in at all
    }
    const auto rig = tiny();
    const Ipv4 back{.src = Ipv4{}.dst, .dst = Ipv4{}.src};
    const auto forward = [&](const Ipv4& between, const Tcp& tcp) {
        rig->run(FST_HOOK_TC_EGRESS, {.bytes = (Ethernet{} / between / tcp).bytes(),
                                      .came_in_by = 7,
                                      .has_no_socket = true});
        rig->advance_ms(1);
    };
    const auto is_followed = [&](std::uint16_t port) {
        return rig
            ->find([&](const fst_flow& flow) {
                return (flow.key.port[0] == htons(port) || flow.key.port[1] == htons(port)) &&
                       (flow.state & FST_FLOW_ESTABLISHED);
            })
            .has_value();
    };
    const auto open_through = [&](std::uint16_t port) {
        forward(Ipv4{}, {.src_port = port, .seq = 99, .flags = Syn});
        const Tcp syn_ack{
            .src_port = 443, .dst_port = port, .seq = 499, .ack = 100, .flags = Syn | Ack};
        rig->run(hook(), {.bytes = (Ethernet{} / back / syn_ack).bytes()});
        forward(Ipv4{}, {.src_port = port, .seq = 100, .ack = 500});
        const Tcp data{.src_port = 443, .dst_port = port, .seq = 500, .ack = 100};
        rig->run(hook(), {.bytes = (Ethernet{} / back / data).bytes()});
        rig->advance_ms(1);
    };
    open_through(9000);
    for (const std::uint64_t rest_ms : {16'000, 70'000}) {
        rig->advance_ms(rest_ms);
        for (std::uint16_t port = 10'000; port < 10'100; port++) {
            forward(Ipv4{}, {.src_port = port, .seq = 100, .ack = 500});
            forward(back, {.src_port = 443, .dst_port = port, .seq = 500, .ack = 100});
        }
        EXPECT_TRUE(is_followed(9000)) << rest_ms;
    }
    rig->advance_ms(1000);
    open_through(9001);
    EXPECT_TRUE(is_followed(9001));
}

}  // namespace
}  // namespace flowstamp::testing
