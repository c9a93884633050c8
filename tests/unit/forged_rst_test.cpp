// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/reset/forged_rst.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/forged_rst_fixture.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;
using analysis::Values;
using ::testing::HasSubstr;
namespace field = analysis::field;

TEST_F(ForgedRstTest, ReportsEachResetOnceWithItsCause) {
    observe(script.rst({.context = kStatelessAnswer}));
    advance(script.now() + 60s);
    detector.finish(sink);
    ASSERT_EQ(sink.resets.size(), 1U);
    EXPECT_EQ(verdict(), FST_VERDICT_GENUINE);
    EXPECT_EQ(cause(), FST_CAUSE_STATELESS);
    EXPECT_EQ(sink.resets[0].id, 1U);
    EXPECT_FALSE(sink.resets[0].again);
    EXPECT_TRUE(sink.findings.empty());
    EXPECT_EQ(detector.remembered(), 0U);
}

TEST_F(ForgedRstTest, ReportsWhatTheKernelConfirmedAsAFinding) {
    observe(script.rst({.ttl = 60, .ip_id = 0x0505, .signals = kTwoFamilies}));
    ASSERT_EQ(sink.findings.size(), 1U);
    const analysis::Finding& finding = sink.findings[0];
    EXPECT_EQ(finding.verdict, FST_VERDICT_CONFIRMED);
    EXPECT_EQ(finding.resets, 1U);
    EXPECT_FALSE(finding.again);
    EXPECT_FALSE(finding.resolution);
    EXPECT_EQ(output::summary_text(finding),
              "198.51.100.7:443 did not send this reset: it came from 4 hops away, 198.51.100.7 "
              "is 12 hops away, and it has an IP-ID of the other end, 0x0505.");
    ASSERT_EQ(finding.evidence.size(), 2U);
    EXPECT_EQ(finding.evidence[0].signal, analysis::Signal::NEARER);
    EXPECT_EQ(finding.evidence[0].strength, analysis::Strength::strong);
    EXPECT_EQ(finding.evidence[0].observed, (Values{field::ttl(60), field::hops(4)}));
    EXPECT_EQ(finding.evidence[0].baseline, (Values{field::ttls({{52}}), field::hops(12)}));
    EXPECT_EQ(finding.evidence[1].signal, analysis::Signal::ID_ECHO);
    EXPECT_EQ(finding.evidence[1].observed, Values{field::ip_id(0x0505)});
    EXPECT_NE(output::advice_text(finding).find("--drop confirmed"), std::string::npos);
}

TEST_F(ForgedRstTest, RaisesTheFindingWhenTheSenderGoesOn) {
    observe(script.at(0ms).rst({.ttl = 60, .signals = bit(FST_SIGNAL_NEARER)}));
    EXPECT_EQ(verdict(), FST_VERDICT_SUSPECTED);
    observe(script.at(25ms).later({.ack = 2501, .signals = bit(FST_SIGNAL_LIVENESS_ACK)}));
    ASSERT_EQ(sink.resets.size(), 2U);
    EXPECT_EQ(verdict(), FST_VERDICT_CONFIRMED);
    EXPECT_EQ(sink.resets[1].id, sink.resets[0].id);
    EXPECT_TRUE(sink.resets[1].again);
    ASSERT_EQ(sink.findings.size(), 2U);
    EXPECT_EQ(sink.findings[1].id, sink.findings[0].id);
    EXPECT_TRUE(sink.findings[1].again);
    EXPECT_EQ(sink.findings[1].verdict, FST_VERDICT_CONFIRMED);
    EXPECT_THAT(output::summary_text(sink.findings[1]),
                HasSubstr("and 198.51.100.7 went on sending."));
    EXPECT_EQ(tracking.findings.suspected(), 0U);
    EXPECT_EQ(tracking.findings.confirmed(), 1U);
}

// Memory bounds

TEST_F(ForgedRstTest, MemoryIsBoundedInAStormOfResets) {
    for (std::uint32_t i = 0; i < 20'000; i++) {
        FlowScript each(example_flow(), i % 500, "eth0");
        each.flow().key.port[kClient] = static_cast<std::uint16_t>(i);
        observe(each.at(i * 1us).rst({.ip_id = static_cast<std::uint16_t>(i)}));
    }
    EXPECT_EQ(sink.resets.size(), 20'000U);
    EXPECT_LE(detector.remembered(), analysis::ForgedRst::kMost);
    advance(script.at(60s).now());
    EXPECT_EQ(detector.remembered(), 0U);
}

// Learned signatures

/// The example's flow, to another server.
fst_flow flow_to(const std::string& server) {
    fst_flow flow = example_flow();
    flow.key = key_of("192.0.2.1", 40000, server, 443, flow.key.ifindex);
    return flow;
}

TEST_F(ForgedRstTest, LearnsAnInjectorsIdFromTwoHosts) {
    const RstDetails forged{.ttl = 60,
                            .ip_id = 0x4242,
                            .signals = bit(FST_SIGNAL_NEARER) | bit(FST_SIGNAL_WINDOW_ECHO)};
    observe(script.at(0ms).rst(forged));
    observe(script.at(1ms).rst(forged));
    EXPECT_TRUE(policy.learned.empty()) << "nothing is learned from one flow";
    FlowScript second(flow_to("203.0.113.9"), 8, "eth0");
    observe(second.at(2ms).rst(forged));
    ASSERT_EQ(policy.learned.size(), 1U);
    EXPECT_EQ(policy.learned[0].ifindex, example_flow().key.ifindex);
    EXPECT_EQ(policy.learned[0].ip_id, 0x4242);
    EXPECT_EQ(policy.learned[0].hops, 4);
    EXPECT_EQ(policy.learned[0].tcp_flags, FST_TCP_RST);
}

TEST_F(ForgedRstTest, LearnsNoCommonOrUnprovenValue) {
    const std::uint64_t forged = bit(FST_SIGNAL_NEARER) | bit(FST_SIGNAL_WINDOW_ECHO);
    std::uint32_t slot = 30;
    const auto twice = [&](const RstDetails& details) {
        for (const char* server : {"198.51.100.7", "203.0.113.9"}) {
            FlowScript each(flow_to(server), slot++, "eth0");
            observe(each.rst(details));
        }
    };
    twice({.ttl = 60, .ip_id = 0, .signals = forged});
    twice({.ttl = 60, .ip_id = 1, .signals = forged});
    twice({.ttl = 60, .ip_id = 77, .signals = forged | bit(FST_SIGNAL_ID_ECHO)});
    twice({.ttl = 60, .ip_id = 78, .signals = forged, .context = 0});    // not in the window
    twice({.ttl = 60, .ip_id = 79, .signals = bit(FST_SIGNAL_NEARER)});  // suspected only
    // A window is that of a whole kind of host.
    twice({.ttl = 60,
           .window = 8201,
           .signals = bit(FST_SIGNAL_NEARER) | bit(FST_SIGNAL_WINDOW_FOREIGN)});
    EXPECT_TRUE(policy.learned.empty());
    twice({.ttl = 60, .ip_id = 80, .signals = forged});
    EXPECT_EQ(policy.learned.size(), 1U) << "so much for the others";
}

/// A sender that bears that ID all the time.
TEST_F(ForgedRstTest, LearnsNoIdThatTheSenderHas) {
    std::uint32_t slot = 30;
    for (const char* server : {"198.51.100.7", "203.0.113.9"}) {
        fst_flow flow = flow_to(server);
        flow.direction[kServer].ring[0] = {
            .time_us = 0, .ip_id = 0x4242, .ttl = 52, .tcp_flags = FST_TCP_ACK};
        FlowScript each(flow, slot++, "eth0");
        observe(each.rst({.ttl = 60,
                          .ip_id = 0x4242,
                          .signals = bit(FST_SIGNAL_NEARER) | bit(FST_SIGNAL_WINDOW_ECHO)}));
    }
    EXPECT_TRUE(policy.learned.empty());
}

}  // namespace
}  // namespace flowstamp::testing
