// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A small cloud: a gateway with the public address forwards connections to a second router, and
// that one to the machine. A rule there accepts only some of the machine's ports, and drops what
// the gateway translated to another port.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/netns/live_path.h"

namespace flowstamp::lab {
namespace {

constexpr std::uint16_t kOutside = 10174;  ///< of management, at the public address
constexpr std::uint16_t kWeb = 10175;
constexpr const char* kDropRule = "-A FORWARD -p tcp -m multiport ! --dports 300:65535 -j DROP";

/// client -- gateway -- second router -- machine
class PathCloud : public LivePathTest, public testing::WithParamInterface<const char*> {
  protected:
    void SetUp() override {
        LabTest::SetUp();  // NOLINT(bugprone-parent-virtual-call): another lab than PathTest's
        if (IsSkipped()) {
            return;
        }
        make({.routers = 2});
        translate(gateway(), public_address(), kOutside, system_address(), kOutside);
        translate(gateway(), public_address(), kWeb, system_address(), kWeb);
        translate(second(), system_address(), kOutside, machine(), 22);
        translate(second(), system_address(), kWeb, machine(), 8080);
        const std::string mangle = std::string(GetParam()) + " -t mangle ";
        run(second(), mangle + "-A FORWARD -p tcp --dport 7 -j DROP");
        run(second(), mangle + kDropRule);
    }

    const lab::Namespace& gateway() { return lab().router(1); }
    const lab::Namespace& second() { return lab().router(2); }
    lab::IpAddress public_address() { return gateway().toward(lab::Side::Client).ipv4; }
    lab::IpAddress system_address() { return second().toward(lab::Side::Client).ipv4; }
    lab::IpAddress machine() { return lab().server().address(); }

    void translate(const lab::Namespace& router, const lab::IpAddress& from, std::uint16_t port,
                   const lab::IpAddress& to, std::uint16_t to_port) {
        run(router, fmt::format("{} -t nat -A PREROUTING -d {} -p tcp --dport {} -j DNAT "
                                "--to-destination {}:{}",
                                GetParam(), from.text(), port, to.text(), to_port));
    }
    static std::string to_text(const fst_path_tuple& tuple) {
        return pathtrace::destination_of(tuple).text();
    }
    static std::string text_of(const lab::IpAddress& address, std::uint16_t port) {
        return Endpoint{address, port}.text();
    }
};

TEST_P(PathCloud, NamesTheSecondRoutersRuleNotTheFirsts) {
    LivePath& at_second = follow(second(), "tcp port 10174");
    LivePath at_gateway(gateway(), interfaces_of(gateway()), "tcp port 10174");
    const auto sockets = start_connections(lab().client(), {public_address(), kOutside});

    const pathtrace::PathReport dropped = expect_rule_named(
        "forward", std::string(GetParam()) + ", table mangle, chain FORWARD, rule 2: " + kDropRule);
    EXPECT_EQ(to_text(dropped.name), text_of(system_address(), kOutside));
    ASSERT_TRUE(dropped.translated);
    EXPECT_EQ(to_text(*dropped.translated), text_of(machine(), 22));
    EXPECT_EQ(pathtrace::source_of(dropped.name).ip_text(), lab().client().address().text());

    const auto left = at_gateway.wait_for(pathtrace::PacketPath::End::left);
    ASSERT_TRUE(left);
    EXPECT_EQ(to_text(left->name), text_of(public_address(), kOutside));
    ASSERT_TRUE(left->translated);
    EXPECT_EQ(to_text(*left->translated), text_of(system_address(), kOutside));
    EXPECT_EQ(left->steps.back().at, gateway().toward(lab::Side::Server).name + " out");
    EXPECT_EQ(at_gateway.stop().dropped, 0U);
    EXPECT_EQ(at_second.stop().left(), 0U);
}

TEST_P(PathCloud, FilterOnTheInnerAddressReportsBoth) {
    follow(second(), "tcp port 22");
    const auto sockets = start_connections(lab().client(), {public_address(), kOutside});
    const pathtrace::PathReport dropped = expect_rule_named("forward", kDropRule);
    EXPECT_EQ(to_text(dropped.name), text_of(system_address(), kOutside));
    ASSERT_TRUE(dropped.translated);
    EXPECT_EQ(to_text(*dropped.translated), text_of(machine(), 22));
}

TEST_P(PathCloud, AcceptedPacketsPassBothRoutersInBothDirections) {
    const lab::Server server = require(lab::Server::start(lab().server(), {.port = 8080}));
    LivePath& at_second = follow(second(), "tcp port 10175");
    lab::DownloadOptions options = to_server(10'000);
    options.server = {public_address(), kWeb};
    EXPECT_EQ(lab::download(lab().client(), options).outcome, lab::Outcome::Complete);
    const auto left = at_second.wait_for(pathtrace::PacketPath::End::left);
    ASSERT_TRUE(left && left->translated);
    EXPECT_EQ(to_text(*left->translated), text_of(machine(), 8080));
    const auto answers = at_second.wait_for([](const pathtrace::PathReport& report) {
        return report.is_reply && report.end == pathtrace::PacketPath::End::left;
    });
    ASSERT_TRUE(answers && answers->translated);
    EXPECT_EQ(pathtrace::source_of(answers->name).text(), text_of(machine(), 8080));
    EXPECT_EQ(pathtrace::source_of(*answers->translated).text(), text_of(system_address(), kWeb));
    EXPECT_EQ(answers->flow, left->flow);
    const pathtrace::PathStats& stats = at_second.stop();
    EXPECT_EQ(stats.flows, 1U);
    EXPECT_EQ(stats.dropped, 0U);
    EXPECT_EQ(stats.unknown, 0U);
}

INSTANTIATE_TEST_SUITE_P(Both, PathCloud, testing::Values("iptables-nft", "iptables-legacy"),
                         [](const auto& tool) { return std::string(tool.param).substr(9); });

}  // namespace
}  // namespace flowstamp::lab
