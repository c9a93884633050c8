// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/host_memory.h"

#include <gtest/gtest.h>

#include "tests/support/events.h"
#include "tests/support/recording_sink.h"

namespace flowstamp::testing {
namespace {

constexpr std::uint64_t kNearer = FST_SIGNAL_BIT(FST_SIGNAL_NEARER);

/// A flow of the example's server that has sent data from these TTLs.
fst_flow ended(std::uint8_t ttl, std::uint8_t other_ttl = 0) {
    fst_flow flow = example_flow();
    fst_direction& server = flow.direction[kServer];
    server.flags |= FST_DIRECTION_BASE | FST_DIRECTION_DATA | FST_DIRECTION_DF;
    server.ttl[0] = ttl;
    server.ttl[1] = other_ttl;
    return flow;
}

analysis::HostMemory::Place server() {
    return {example_key().ifindex, net::end_of(example_key(), kServer)};
}

TEST(HostMemory, KeepsInterfacesAndPortsApart) {
    analysis::HostMemory memory;
    memory.learn_ended(ended(52));
    ASSERT_NE(memory.of(server()), nullptr);
    EXPECT_EQ(memory.of(server())->nearest_hops(), 12);
    analysis::HostMemory::Place elsewhere = server();
    elsewhere.ifindex++;
    EXPECT_EQ(memory.of(elsewhere), nullptr);
    elsewhere = server();
    elsewhere.end.port++;
    EXPECT_EQ(memory.of(elsewhere), nullptr);
}

TEST(HostMemory, KeepsTheNearestDistanceUnlessThereAreMany) {
    analysis::HostMemory memory;
    memory.learn_ended(ended(52, 55));
    EXPECT_EQ(memory.of(server())->nearest_hops(), 9);
    for (std::uint8_t ttl = 40; ttl < 48; ttl++) {
        memory.learn_ended(ended(ttl));
    }
    EXPECT_EQ(memory.of(server())->nearest_hops(), std::nullopt);
    EXPECT_TRUE(memory.of(server())->sends_from(3)) << "from any distance";
}

TEST(HostMemory, OneFlowIsNotEnoughToKnowADistance) {
    analysis::HostMemory memory;
    memory.learn_ended(ended(60));
    EXPECT_FALSE(memory.of(server())->sends_from(4));
    memory.learn_ended(ended(60));
    EXPECT_TRUE(memory.of(server())->sends_from(4));
    EXPECT_TRUE(memory.of(server())->sends_from(5));
    EXPECT_FALSE(memory.of(server())->sends_from(6));
}

TEST(HostMemory, RecognizesALinuxLikeHost) {
    analysis::HostMemory memory;
    memory.learn_ended(ended(52));
    EXPECT_FALSE(memory.of(server())->is_linux_like());
    memory.learn_ended(ended(52));
    EXPECT_TRUE(memory.of(server())->is_linux_like());
    fst_flow other = ended(52);
    other.direction[kServer].id_class = FST_ID_RANDOM | FST_ID_VOTES_ENOUGH << 4;
    memory.learn_ended(other);
    EXPECT_FALSE(memory.of(server())->is_linux_like()) << "two stacks behind one address";
}

TEST(HostMemory, ForgetsWhatWasNotUsedForLong) {
    constexpr std::uint32_t kHosts = 4 * analysis::HostMemory::kMost;
    analysis::HostMemory memory;
    for (std::uint32_t i = 0; i <= kHosts; i++) {
        fst_flow flow = ended(52);
        flow.key.ifindex = i;
        memory.learn_ended(flow);
    }
    analysis::HostMemory::Place first = server();
    first.ifindex = 0;
    EXPECT_EQ(memory.of(first), nullptr);
    first.ifindex = kHosts;
    EXPECT_NE(memory.of(first), nullptr);
}

TEST(HostMemory, RecognizesAForeignTtl) {
    analysis::HostMemory memory;
    EXPECT_FALSE(analysis::HostMemory::Host{}.is_foreign_ttl(248)) << "nothing is known";
    memory.learn_ended(ended(143, 142));  // no usual initial TTL
    EXPECT_TRUE(memory.of(server())->is_foreign_ttl(248));
    EXPECT_FALSE(memory.of(server())->is_foreign_ttl(144));
    memory.learn_ended(ended(57));
    EXPECT_FALSE(memory.of(server())->is_foreign_ttl(248)) << "7 hops, either way";
}

/// A RST on a flow of which only the handshake is known is judged by the host's other flows.
class NewFlow : public ::testing::Test {
  protected:
    NewFlow() {
        script.flow().direction[kServer].flags &= static_cast<__u16>(~FST_DIRECTION_BASE);
        script.flow().direction[kServer].id_class = FST_ID_UNKNOWN;
    }
    analysis::Reset judged(const RstDetails& details) {
        bench.observe(script.rst(details));
        return bench.sink.resets.at(0);
    }
    ForgedRstBench bench;
    FlowScript script;
};

TEST_F(NewFlow, AnotherDistanceOfALoadBalancerIsNoEvidence) {
    bench.tracking.hosts.learn_ended(ended(60));
    bench.tracking.hosts.learn_ended(ended(60));
    const analysis::Reset reset = judged({.ttl = 60, .signals = kNearer});
    EXPECT_EQ(reset.judgement.verdict, FST_VERDICT_GENUINE);
    EXPECT_EQ(reset.judgement.cause, FST_CAUSE_EDGE);
    EXPECT_TRUE(bench.sink.findings.empty());
}

TEST_F(NewFlow, AnUnknownDistanceIsEvidence) {
    bench.tracking.hosts.learn_ended(ended(52));
    bench.tracking.hosts.learn_ended(ended(52));
    EXPECT_EQ(judged({.ttl = 60, .signals = kNearer}).judgement.verdict, FST_VERDICT_SUSPECTED);
}

TEST_F(NewFlow, AVerdictThatTheKernelActedOnIsKept) {
    bench.tracking.hosts.learn_ended(ended(60));
    bench.tracking.hosts.learn_ended(ended(60));
    const analysis::Reset reset = judged({.ttl = 60,
                                          .signals = kNearer,
                                          .action = FST_ACTION_CHALLENGED,
                                          .challenge = FST_CHALLENGE_ASKED});
    EXPECT_EQ(reset.judgement.verdict, FST_VERDICT_SUSPECTED);
}

TEST_F(NewFlow, AFlowWithABaselineIsJudgedByIt) {
    bench.tracking.hosts.learn_ended(ended(60));
    bench.tracking.hosts.learn_ended(ended(60));
    script.flow().direction[kServer].flags |= FST_DIRECTION_BASE;
    EXPECT_EQ(judged({.ttl = 60, .signals = kNearer}).judgement.verdict, FST_VERDICT_SUSPECTED);
}

TEST_F(NewFlow, AGatewayOnAFlowJoinedMidway) {
    bench.tracking.hosts.learn_ended(ended(143));
    script.flow().state |= FST_FLOW_MIDWAY;
    const auto midway = FST_CONTEXT_HALF_VIEW | FST_CONTEXT_NO_BASELINE;
    const analysis::Reset reset = judged({.tcp_flags = FST_TCP_RST | FST_TCP_ACK,
                                          .ttl = 248,
                                          .context = midway,
                                          .cause = FST_CAUSE_ABORT});
    EXPECT_EQ(reset.judgement.verdict, FST_VERDICT_GENUINE);
    EXPECT_EQ(reset.judgement.cause, FST_CAUSE_EDGE);
}

TEST_F(NewFlow, ASynRefusedFromNearerThanTheHost) {
    bench.tracking.hosts.learn_ended(ended(52));
    const analysis::Reset reset = judged({.tcp_flags = FST_TCP_RST | FST_TCP_ACK,
                                          .ttl = 62,
                                          .context = FST_CONTEXT_TO_SYN | FST_CONTEXT_NO_BASELINE,
                                          .cause = FST_CAUSE_CLOSED_PORT});
    EXPECT_EQ(reset.judgement.cause, FST_CAUSE_EDGE);
}

TEST_F(NewFlow, OfTwoResetsTheNearerIsAMiddleboxs) {
    const std::uint32_t unseen = FST_CONTEXT_NO_BASELINE | FST_CONTEXT_HALF_VIEW;
    judged({.tcp_flags = FST_TCP_RST | FST_TCP_ACK,
            .ttl = 248,
            .context = unseen,
            .cause = FST_CAUSE_ABORT});
    bench.observe(script.at(std::chrono::microseconds(200))
                      .rst({.tcp_flags = FST_TCP_RST | FST_TCP_ACK,
                            .ttl = 142,
                            .ip_id = 9,
                            .context = unseen,
                            .cause = FST_CAUSE_ABORT}));
    ASSERT_GE(bench.sink.resets.size(), 3U);
    EXPECT_EQ(bench.sink.resets.back().judgement.verdict, FST_VERDICT_GENUINE);
    std::map<std::uint64_t, unsigned> causes;
    for (const analysis::Reset& reset : bench.sink.resets) {
        causes[reset.id] = reset.judgement.cause;
    }
    EXPECT_EQ(causes[1], unsigned{FST_CAUSE_EDGE});
    EXPECT_EQ(causes[2], unsigned{FST_CAUSE_ABORT});
}

TEST_F(NewFlow, TheKernelsDefaultTtlIsNoGateway) {
    bench.tracking.hosts.learn_ended(ended(143));
    const analysis::Reset reset = judged(
        {.ttl = 60,
         .context = FST_CONTEXT_NO_BASELINE | FST_CONTEXT_STATELESS | FST_CONTEXT_HALF_VIEW});
    EXPECT_EQ(reset.judgement.cause, FST_CAUSE_STATELESS);
}

TEST_F(NewFlow, ALinuxHostWouldHaveSentTimestamps) {
    bench.tracking.hosts.learn_ended(ended(52));
    bench.tracking.hosts.learn_ended(ended(52));
    script.flow().state |= FST_FLOW_TS;
    const analysis::Reset reset = judged({.tcp_flags = FST_TCP_RST | FST_TCP_ACK,
                                          .signals = FST_SIGNAL_BIT(FST_SIGNAL_MAC_FOREIGN)});
    EXPECT_EQ(reset.judgement.verdict, FST_VERDICT_SUSPECTED);
    EXPECT_TRUE(reset.judgement.signals & FST_SIGNAL_BIT(FST_SIGNAL_NO_TIMESTAMPS));
}

}  // namespace
}  // namespace flowstamp::testing
