// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/syn_flood.h"

#include <gtest/gtest.h>

#include "tests/unit/analysis_bench.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

struct SynFloodTest : ::testing::Test {
    enum class Answer { none, accepts, refuses };
    /// A SYN of client number `client`, and what comes back.
    void knock(unsigned client, Answer answer, bool completes = false) {
        const std::string source = "203.0.113." + std::to_string(client % 250 + 1);
        const auto port = static_cast<std::uint16_t>(20000 + client);
        const std::uint32_t isn = 0x10000000 + client * 7919;
        run(FST_HOOK_XDP, source, "192.0.2.1",
            {.src_port = port, .dst_port = 80, .seq = isn, .flags = Syn});
        if (answer == Answer::accepts) {
            run(FST_HOOK_TC_EGRESS, "192.0.2.1", source,
                {.src_port = 80, .dst_port = port, .seq = 77, .ack = isn + 1, .flags = Syn | Ack});
        } else if (answer == Answer::refuses) {
            run(FST_HOOK_TC_EGRESS, "192.0.2.1", source,
                {.src_port = 80, .dst_port = port, .ack = isn + 1, .flags = Rst | Ack});
        }
        if (completes) {
            run(FST_HOOK_XDP, source, "192.0.2.1",
                {.src_port = port, .dst_port = 80, .seq = isn + 1, .ack = 78, .flags = Ack});
        }
        bench.pass(25ms);
    }
    void run(fst_hook hook, const std::string& from, const std::string& to, const Tcp& tcp) {
        bench.rig().run(hook, {.bytes = (Ethernet{} / Ipv4{.src = from, .dst = to} / tcp).bytes()});
    }
    AnalysisBench bench;
};

TEST_F(SynFloodTest, ManyAnsweredSynsAndHardlyAConnection) {
    for (unsigned i = 0; i < 300; i++) {
        knock(i, Answer::accepts, i % 50 == 0);
    }
    bench.pass(5s);
    ASSERT_EQ(bench.findings_text(), "syn-flood suspected");
    const std::string summary = output::summary_text(bench.findings()[0]);
    EXPECT_NE(summary.find("192.0.2.1:80 got"), std::string::npos) << summary;
    EXPECT_NE(summary.find("of 250 clients"), std::string::npos) << summary;
    bench.pass(11s);
    EXPECT_EQ(bench.findings_text(), "syn-flood suspected, syn-flood ended");
}

TEST_F(SynFloodTest, NotOfABusyServer) {
    for (unsigned i = 0; i < 300; i++) {
        knock(i, Answer::accepts, i % 4 != 0);
    }
    bench.pass(11s);
    EXPECT_EQ(bench.findings_text(), "");
}

TEST_F(SynFloodTest, NotOfAListenerThatRefuses) {
    for (unsigned i = 0; i < 300; i++) {
        knock(i, Answer::refuses);
    }
    bench.pass(11s);
    EXPECT_EQ(bench.findings_text().find("syn-flood"), std::string::npos) << bench.findings_text();
}

/// Answers may take another path.
TEST_F(SynFloodTest, NotWhereNoAnswerIsSeen) {
    for (unsigned i = 0; i < 300; i++) {
        knock(i, Answer::none);
    }
    bench.pass(11s);
    EXPECT_EQ(bench.findings_text(), "");
}

}  // namespace
}  // namespace flowstamp::testing
