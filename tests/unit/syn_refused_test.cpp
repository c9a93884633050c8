// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/syn_refused.h"

#include <gtest/gtest.h>

#include "tests/unit/analysis_bench.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

struct SynRefusedTest : ::testing::Test {
    /// A connection attempt that is answered by a RST with this TTL.
    void refuse(std::uint8_t ttl) {
        Setting setting;
        setting.us.isn = next_isn += 1000;  // this distinguishes two attempts
        Conversation talk(bench.rig(), FST_HOOK_XDP, setting);
        talk.send(End::us, Syn);
        talk.pass_us(20'000);
        Segment reset = talk.next(End::peer, Rst | Ack);
        reset.seq = 0;
        reset.window = 0;
        reset.timestamps.reset();
        reset.ttl = ttl;
        reset.id = 0;
        talk.send(reset);
        bench.pass(analysis::SynRefused::kWait);
    }
    bool says(const char* words) {
        return output::summary_text(bench.findings().back()).find(words) != std::string::npos;
    }
    AnalysisBench bench;
    std::uint32_t next_isn = 0x10000000;
};

TEST_F(SynRefusedTest, AnUnknownServersRefusalIsNotAttributed) {
    refuse(57);
    ASSERT_EQ(bench.findings_text(), "syn-refused confirmed");
    EXPECT_TRUE(says("its distance does not show which"))
        << output::summary_text(bench.findings().back());
}

TEST_F(SynRefusedTest, FromTheServersDistanceItIsTheServer) {
    Conversation(bench.rig(), FST_HOOK_XDP).open();
    refuse(57);
    EXPECT_TRUE(says("nothing listens there")) << output::summary_text(bench.findings().back());
}

TEST_F(SynRefusedTest, FromNearerItIsProbablyABox) {
    Conversation(bench.rig(), FST_HOOK_XDP).open();
    refuse(60);
    EXPECT_TRUE(says("probably by a box 4 hops away"))
        << output::summary_text(bench.findings().back());
}

TEST_F(SynRefusedTest, OneHopIsNotEnough) {
    Conversation(bench.rig(), FST_HOOK_XDP).open();
    refuse(58);
    EXPECT_TRUE(says("its distance does not show which"))
        << output::summary_text(bench.findings().back());
}

/// Both answers to one SYN are a finding of forged-rst.
TEST_F(SynRefusedTest, NotIfTheSynIsAcceptedAsWell) {
    Conversation talk(bench.rig(), FST_HOOK_XDP);
    talk.send(End::us, Syn);
    talk.pass_us(5000);
    Segment reset = talk.next(End::peer, Rst | Ack);
    reset.seq = 0;
    reset.window = 0;
    reset.timestamps.reset();
    talk.send(reset);
    talk.pass_us(5000);
    talk.send(End::peer, Syn | Ack);
    bench.pass(10s);
    for (const analysis::Finding& finding : bench.findings()) {
        EXPECT_EQ(finding.kind, analysis::FindingKind::forged_rst) << bench.findings_text();
    }
}

TEST_F(SynRefusedTest, RepeatedRefusalsAreReportedOnce) {
    for (int i = 0; i < 10; i++) {
        refuse(57);
        bench.pass(1s);
    }
    EXPECT_EQ(bench.findings_text(), "syn-refused confirmed");
    bench.pass(2min);
    refuse(57);
    EXPECT_EQ(bench.findings().size(), 2U);
}

}  // namespace
}  // namespace flowstamp::testing
