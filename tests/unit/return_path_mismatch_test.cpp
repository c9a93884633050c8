// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/return_path_mismatch.h"

#include <gtest/gtest.h>

#include "tests/support/packet.h"
#include "tests/unit/analysis_bench.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

constexpr const char* kClientIp = "192.0.2.1";
constexpr const char* kRequested = "203.0.113.10";
constexpr const char* kInternal = "192.0.2.80";

struct ReturnPathMismatchTest : ::testing::Test {
    void put(const char* from, const char* to, const Tcp& tcp, std::uint32_t ifindex = 1) {
        const Bytes bytes = (Ethernet{} / Ipv4{.src = from, .dst = to} / tcp).bytes();
        bench.rig().run(FST_HOOK_XDP, {.bytes = bytes, .ifindex = ifindex});
        bench.pass(100us);
    }
    void syn(const char* to, std::uint32_t ifindex = 1) {
        put(kClientIp, to, {.src_port = 40000, .dst_port = 80, .seq = 999, .flags = Syn}, ifindex);
    }
    void syn_ack(const char* from, std::uint32_t ifindex = 1) {
        put(from, kClientIp,
            {.src_port = 80, .dst_port = 40000, .seq = 5000, .ack = 1000, .flags = Syn | Ack},
            ifindex);
    }
    AnalysisBench bench;
};

TEST_F(ReturnPathMismatchTest, AnAnswerFromAnotherAddressAndTheClientsReset) {
    syn(kRequested);
    syn_ack(kInternal);
    EXPECT_EQ(bench.findings_text(), "") << "the client has not said yet what it makes of it";
    bench.pass(2s);
    EXPECT_EQ(bench.findings_text(), "return-path-mismatch suspected");
    put(kClientIp, kInternal, {.src_port = 40000, .dst_port = 80, .seq = 1000, .flags = Rst});
    EXPECT_EQ(bench.findings_text(),
              "return-path-mismatch suspected, return-path-mismatch confirmed");
    // After another SYN the same happens again: it is not reported again.
    bench.pass(1s);
    syn(kRequested);
    bench.pass(2s);
    syn(kRequested);
    bench.pass(4s);
    EXPECT_EQ(bench.findings().size(), 2U);
}

/// A scanner uses one port and sequence number for all hosts.
TEST_F(ReturnPathMismatchTest, WhoAnswersWasContactedToo) {
    syn(kInternal);
    bench.pass(1s);
    syn(kRequested);
    syn_ack(kInternal);
    bench.pass(2s);
    EXPECT_EQ(bench.findings_text(), "");
}

TEST_F(ReturnPathMismatchTest, AnAnswerThatTheClientAcceptsIsNotReported) {
    syn(kRequested);
    syn_ack(kInternal);
    put(kClientIp, kInternal,
        {.src_port = 40000, .dst_port = 80, .seq = 1000, .ack = 5001, .flags = Ack});
    bench.pass(2s);
    EXPECT_EQ(bench.findings_text(), "");
}

TEST_F(ReturnPathMismatchTest, TranslationSeenOnBothSidesOfARouterIsNotReported) {
    syn(kRequested, 1);
    syn(kInternal, 2);
    syn_ack(kInternal, 2);
    syn_ack(kRequested, 1);
    EXPECT_EQ(bench.findings_text(), "");
}

TEST_F(ReturnPathMismatchTest, TwoConnectionsWithTheSamePortAreNotMatched) {
    syn(kRequested);
    put(kInternal, kClientIp,
        {.src_port = 80, .dst_port = 40000, .seq = 5000, .ack = 77, .flags = Syn | Ack});
    EXPECT_EQ(bench.findings_text(), "");
}

}  // namespace
}  // namespace flowstamp::testing
