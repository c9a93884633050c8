// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Rules that drop each other's answers: what INPUT rejects with an answer, OUTPUT drops.
#include <gtest/gtest.h>

#include "tests/netns/live_path.h"

namespace flowstamp::lab {
namespace {

class PathAnswers : public LivePathTest, public testing::WithParamInterface<const char*> {
  protected:
    void rule(const std::string& words) { run(router(), std::string(GetParam()) + " " + words); }
    Endpoint service() { return {router().toward(lab::Side::Client).ipv4, 10174}; }

    /// Both the rejecting rule and the one that drops its answer are named, in either order.
    void expect_both(const std::string& refusal, const std::string& dropper) {
        follow(router(), "tcp port 10174");
        const auto sockets = start_connections(lab().client(), service());
        const pathtrace::PathReport refused = expect_rule_named("input", refusal);
        EXPECT_FALSE(refused.is_reply);
        EXPECT_EQ(pathtrace::destination_of(refused.name).port, 10174);
        EXPECT_EQ(pathtrace::source_of(refused.name).ip_text(), lab().client().address().text());
        const pathtrace::PathReport swallowed = expect_rule_named("output", dropper);
        EXPECT_EQ(pathtrace::destination_of(swallowed.name).ip_text(),
                  lab().client().address().text());
        if (swallowed.name.protocol == IPPROTO_TCP) {
            EXPECT_TRUE(swallowed.is_reply);
        }
    }
};

constexpr const char* kReject =
    "-A INPUT -p tcp -m tcp --dport 10174 -j REJECT --reject-with tcp-reset";
constexpr const char* kNoResets = "-A OUTPUT -p tcp -m tcp --tcp-flags RST RST -j DROP";

TEST_P(PathAnswers, RejectWhoseResetIsDropped) {
    rule(kReject);
    rule(kNoResets);
    expect_both(kReject, kNoResets);
}

TEST_P(PathAnswers, RejectWhoseResetIsDroppedBehindNat) {
    rule("-t nat -A PREROUTING -p tcp --dport 10174 -j REDIRECT --to-ports 8080");
    rule("-A INPUT -p tcp --dport 8080 -j REJECT --reject-with tcp-reset");
    rule(kNoResets);
    expect_both("--dport 8080 -j REJECT --reject-with tcp-reset", kNoResets);
    const auto reports = path_->reports();
    const auto swallowed = std::ranges::find_if(reports, [](const pathtrace::PathReport& report) {
        return report.drop && report.drop->at == "output";
    });
    ASSERT_NE(swallowed, reports.end());
    ASSERT_TRUE(swallowed->translated);
    EXPECT_EQ(pathtrace::source_of(swallowed->name).port, 8080);
    EXPECT_EQ(pathtrace::source_of(*swallowed->translated).port, 10174);
}

TEST_P(PathAnswers, RejectWhoseIcmpErrorIsDropped) {
    // An ICMP error is associated with a connection only if connections are tracked.
    rule("-A INPUT -m conntrack --ctstate INVALID -j DROP");
    rule("-A INPUT -p tcp --dport 10174 -j REJECT --reject-with icmp-port-unreachable");
    rule("-A OUTPUT -p icmp -j DROP");
    expect_both("--dport 10174 -j REJECT --reject-with icmp-port-unreachable",
                "-A OUTPUT -p icmp -j DROP");
}

/// No socket listens, and the kernel's own reset is dropped.
TEST_P(PathAnswers, KernelResetIsDropped) {
    rule(kNoResets);
    follow(router(), "tcp port 10174");
    const auto sockets = start_connections(lab().client(), service());
    expect_reason("input", "NO_SOCKET", "no socket", "ss -lntu");
    EXPECT_TRUE(expect_rule_named("output", kNoResets).is_reply);
}

INSTANTIATE_TEST_SUITE_P(Both, PathAnswers, testing::Values("iptables-nft", "iptables-legacy"),
                         [](const auto& tool) { return std::string(tool.param).substr(9); });

}  // namespace
}  // namespace flowstamp::lab
