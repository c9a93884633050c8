// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// `path` on a host whose bridge calls IP's netfilter hooks, as wherever Docker runs: a packet passes
// PREROUTING before the bridge has decided whether it is for this host.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/netns/live_path.h"
#include "tests/netns/path_probe_fixture.h"
#include "user/lab/download.h"
#include "user/lab/server.h"

namespace flowstamp::lab {
namespace {

using ::testing::ElementsAre;

/// client -- [br0: router] -- server, or client -- [br0] -- server.
class PathBridge : public LivePathTest {
  protected:
    static constexpr std::uint16_t kPort = 10177, kDropped = 10172;
    static constexpr unsigned kEach = 5;
    static constexpr char kFilter[] = "udp port 10177 or udp port 10172";

    void SetUp() override {
        LivePathTest::SetUp();
        if (IsSkipped()) {
            return;
        }
        const Status set = router().set_sysctl("net.bridge.bridge-nf-call-iptables", "1");
        ASSERT_TRUE(set) << set.error().message();
        nft(router(),
            "table inet f {\n"
            "chain raw { type filter hook prerouting priority -300; }\n"
            "chain forward { type filter hook forward priority 0; "
            "udp dport 10172 counter drop; }\n"
            "chain nat { type nat hook postrouting priority 100; }\n}");
    }
    /// The client's cable becomes a port of br0, which takes the router's address there.
    void route_from_bridge() {
        const Interface& its = router().toward(Side::Client);
        ip(router(), fmt::format("link add br0 address {} type bridge\n"
                                 "link set br0 up\n"
                                 "link set {} master br0\n"
                                 "addr flush dev {}\n"
                                 "addr add {}/24 dev br0\n"
                                 "neigh replace {} lladdr {} dev br0 nud permanent\n",
                                 its.mac.text(), its.name, its.name, its.ipv4.text(),
                                 its.neighbour_ipv4.text(), its.neighbour_mac.text()));
    }
    /// Both cables become ports of br0: the hosts send to each other's link-layer address.
    void bridge_both() {
        const Interface& client = router().toward(Side::Client);
        const Interface& server = router().toward(Side::Server);
        ip(router(), fmt::format("link add br0 type bridge\nlink set br0 up\n"
                                 "link set {} master br0\nlink set {} master br0\n",
                                 client.name, server.name));
        neighbour(lab().client(), lab().client().toward(Side::Server), server.neighbour_mac);
        neighbour(lab().server(), lab().server().toward(Side::Client), client.neighbour_mac);
    }
    /// Each cable becomes a port of a bridge of its own, and a veth joins both bridges.
    void join_two() {
        const Interface& client = router().toward(Side::Client);
        const Interface& server = router().toward(Side::Server);
        ip(router(), fmt::format("link add br0 type bridge\nlink set br0 up\n"
                                 "link add br1 type bridge\nlink set br1 up\n"
                                 "link add join0 type veth peer name join1\n"
                                 "link set join0 master br0 up\nlink set join1 master br1 up\n"
                                 "link set {} master br0\nlink set {} master br1\n",
                                 client.name, server.name));
        neighbour(lab().client(), lab().client().toward(Side::Server), server.neighbour_mac);
        neighbour(lab().server(), lab().server().toward(Side::Client), client.neighbour_mac);
    }
    static void ip(const Namespace& host, const std::string& batch) {
        const Status done = host.require({"ip", "-batch", "-"}, batch);
        ASSERT_TRUE(done) << done.error().message();
    }
    static void neighbour(const Namespace& host, const Interface& its, const MacAddress& mac) {
        ip(host, fmt::format("neigh replace {} lladdr {} dev {} nud permanent\n",
                             its.neighbour_ipv4.text(), mac.text(), its.name));
    }
};

TEST_F(PathBridge, RoutedFromAPortIsOnePacket) {
    route_from_bridge();
    LivePath path(router(), {"to-client", "br0", "to-server"}, kFilter);
    send(kEach, kPort);
    const auto report = path.wait_for(pathtrace::PacketPath::End::left);
    ASSERT_TRUE(report) << testing::PrintToString(path.reports());
    EXPECT_THAT(steps_of(*report), ElementsAre("to-client in", "prerouting", "br0 in", "forward",
                                               "postrouting", "to-server out"));
    ASSERT_TRUE(report->bridge);
    EXPECT_EQ(report->bridge->in, "to-client");
    EXPECT_EQ(report->bridge->out, "");
    expect_sums(path, kEach, 0);
}

/// In both directions.
TEST_F(PathBridge, ConnectionThroughABridgeIsOneFlow) {
    route_from_bridge();
    const lab::Server server = require(lab::Server::start(lab().server(), {}));
    LivePath path(router(), {"to-client", "br0", "to-server"}, "tcp port 80");
    EXPECT_EQ(lab::download(lab().client(), to_server(100'000)).outcome, lab::Outcome::Complete);
    const auto answer = path.wait_for([](const pathtrace::PathReport& each) {
        return each.is_reply && each.end == pathtrace::PacketPath::End::left;
    });
    ASSERT_TRUE(answer);
    EXPECT_THAT(steps_of(*answer), ElementsAre("to-server in", "prerouting", "forward",
                                               "postrouting", "br0 out", "to-client out"));
    const pathtrace::PathStats& stats = path.stop();
    EXPECT_EQ(stats.flows, 1U);
    EXPECT_EQ(stats.left(), stats.packets) << testing::PrintToString(path.reports());
}

/// As a container's published port that another one uses: translated within the bridge, then routed.
TEST_F(PathBridge, TranslatedWithinTheBridgeIsOneFlow) {
    route_from_bridge();
    const std::string server_ip = lab().server().address(Family::V4).text();
    nft(router(),
        "table ip nat {\n"
        "chain in { type nat hook prerouting priority -100; tcp dport 10174 dnat to " +
            server_ip +
            ":80; }\n"
            "chain out { type nat hook postrouting priority 100; masquerade; }\n}");
    const lab::Server server = require(lab::Server::start(lab().server(), {}));
    LivePath path(router(), {"to-client", "br0", "to-server"}, "tcp port 10174");
    lab::DownloadOptions options = to_server(50'000);
    options.server = {router().toward(Side::Client).ipv4, 10174};
    EXPECT_EQ(lab::download(lab().client(), options).outcome, lab::Outcome::Complete);
    const auto request = path.wait_for(pathtrace::PacketPath::End::left);
    ASSERT_TRUE(request && request->translated) << testing::PrintToString(path.reports());
    EXPECT_EQ(pathtrace::destination_of(*request->translated).text(), server_ip + ":80");
    EXPECT_THAT(steps_of(*request), ElementsAre("to-client in", "prerouting", "br0 in", "forward",
                                                "postrouting", "to-server out"));
    const pathtrace::PathStats& stats = path.stop();
    EXPECT_EQ(stats.flows, 1U);
    EXPECT_EQ(stats.left(), stats.packets) << testing::PrintToString(path.reports());
}

/// As on kernels before 6.6.
TEST_F(PathBridge, RoutedFromAPortIsOnePacketWithoutTcx) {
    route_from_bridge();
    fst_path_match udp = protocol(IPPROTO_UDP);
    udp.destination_port[0] = udp.destination_port[1] = kPort;
    PathWatch watch(router(),
                    {.stations = {at_tc(pathtrace::Station::Kind::tc_ingress, "to-client"),
                                  at_tc(pathtrace::Station::Kind::tc_ingress, "br0"),
                                  at_hook(kPrerouting, -301), at_hook(kForward, -1),
                                  at_tc(pathtrace::Station::Kind::tc_egress, "to-server")},
                     .matches = {udp},
                     .tcx = false});
    send(1, kPort);
    const auto paths = paths_of(watch.events());
    ASSERT_EQ(paths.size(), 1U);
    EXPECT_THAT(watch.path_text(paths[0]),
                ::testing::StartsWith("ingress(to-client) prerouting-301 ingress(br0) forward-1 "
                                      "egress(to-server)"));
    EXPECT_EQ(paths[0].front().bridge_port_in, 0U) << "the bridge has not seen it yet";
    EXPECT_NE(paths[0].at(1).bridge_port_in, 0U);
    EXPECT_EQ(paths[0].at(1).bridge_port_in, paths[0].front().ifindex_in);
}

TEST_F(PathBridge, ForTheHostItselfIsOnePacket) {
    route_from_bridge();
    const lab::Server server = require(lab::Server::start(router(), {}));
    LivePath path(router(), {"to-client", "br0"}, "tcp dst port 80");
    lab::DownloadOptions options = to_server(10'000);
    options.server = {router().toward(Side::Client).ipv4, 80};
    EXPECT_EQ(lab::download(lab().client(), options).outcome, lab::Outcome::Complete);
    const auto report = path.wait_for(pathtrace::PacketPath::End::delivered);
    ASSERT_TRUE(report) << testing::PrintToString(path.reports());
    EXPECT_THAT(steps_of(*report), ElementsAre("to-client in", "prerouting", "br0 in", "input"));
    const pathtrace::PathStats& stats = path.stop();
    EXPECT_EQ(stats.delivered, stats.packets) << testing::PrintToString(path.reports());
}

TEST_F(PathBridge, ForwardedWithinTheBridgeHasItsPorts) {
    bridge_both();
    LivePath path(router(), {"to-client", "to-server"}, kFilter);
    send(kEach, kPort);
    const auto report = path.wait_for(pathtrace::PacketPath::End::left);
    ASSERT_TRUE(report) << testing::PrintToString(path.reports());
    EXPECT_THAT(steps_of(*report), ElementsAre("to-client in", "prerouting", "forward",
                                               "postrouting", "to-server out"));
    ASSERT_TRUE(report->bridge);
    EXPECT_EQ(report->bridge->in, "to-client");
    EXPECT_EQ(report->bridge->out, "to-server");
    expect_sums(path, kEach, 0);
}

/// It leaves the first bridge by one end of the veth, and comes in to the second by the other.
TEST_F(PathBridge, TwoBridgesJoinedByAVethAreOnePath) {
    join_two();
    LivePath path(router(), {"to-client", "join0", "join1", "to-server"}, kFilter);
    send(kEach, kPort);
    const auto report = path.wait_for(pathtrace::PacketPath::End::left);
    ASSERT_TRUE(report) << testing::PrintToString(path.reports());
    EXPECT_THAT(steps_of(*report),
                ElementsAre("to-client in", "prerouting", "forward", "postrouting", "join0 out",
                            "join1 in", "prerouting", "forward", "postrouting", "to-server out"));
    expect_sums(path, kEach, 0);
}

TEST_F(PathBridge, TwoBridgesWithoutStationsBetweenThem) {
    join_two();
    LivePath path(router(), {"to-client", "to-server"}, kFilter);
    send(kEach, kPort);
    const auto report = path.wait_for(pathtrace::PacketPath::End::left);
    ASSERT_TRUE(report) << testing::PrintToString(path.reports());
    EXPECT_THAT(steps_of(*report),
                ElementsAre("to-client in", "prerouting", "forward", "postrouting", "prerouting",
                            "forward", "postrouting", "to-server out"));
    expect_sums(path, kEach, 0);
}

/// The bridges do not call IP's hooks: nothing but interfaces is passed.
TEST_F(PathBridge, TwoBridgesAtTheirInterfacesAlone) {
    const Status set = router().set_sysctl("net.bridge.bridge-nf-call-iptables", "0");
    ASSERT_TRUE(set) << set.error().message();
    join_two();
    LivePath path(router(), {"to-client", "join0", "join1", "to-server"}, kFilter);
    send(kEach, kPort);
    const auto report = path.wait_for(pathtrace::PacketPath::End::left);
    ASSERT_TRUE(report) << testing::PrintToString(path.reports());
    EXPECT_THAT(steps_of(*report),
                ElementsAre("to-client in", "join0 out", "join1 in", "to-server out"));
    expect_sums(path, kEach, 0);
}

TEST_F(PathBridge, DroppedInTheSecondBridgeIsOneLoss) {
    join_two();
    nft(router(),
        "table bridge second { chain f { type filter hook forward priority 0; "
        "iifname join1 udp dport 10177 counter drop; }; }");
    LivePath path(router(), {"to-client", "to-server"}, kFilter);
    send(kEach, kPort);
    const auto report = path.wait_for(pathtrace::PacketPath::End::dropped);
    ASSERT_TRUE(report) << testing::PrintToString(path.reports());
    expect_sums(path, 0, kEach);
}

/// Only the bridge is named with -i: nothing passes it.
TEST_F(PathBridge, PortsAreKnownWithoutStationsAtThem) {
    bridge_both();
    LivePath path(router(), {"br0"}, kFilter);
    send(kEach, kPort);
    const auto report = path.wait_for(pathtrace::PacketPath::End::left);
    ASSERT_TRUE(report) << testing::PrintToString(path.reports());
    EXPECT_THAT(steps_of(*report), ElementsAre("prerouting", "forward", "postrouting"));
    ASSERT_TRUE(report->bridge);
    EXPECT_EQ(report->bridge->in, "to-client");
    EXPECT_EQ(report->bridge->out, "to-server");
    expect_sums(path, kEach, 0);
}

TEST_F(PathBridge, DroppedWithinTheBridgeHasItsRule) {
    bridge_both();
    path_.emplace(router(), std::vector<std::string>{"to-client", "to-server"}, kFilter);
    send(kEach, kDropped);
    const auto report = expect_rule_named("forward", "chain forward");
    ASSERT_TRUE(report.bridge);
    EXPECT_EQ(report.bridge->in, "to-client");
    EXPECT_EQ(report.bridge->out, "to-server");
    expect_sums(*path_, 0, kEach);
}

/// No station stands in a bridge's own hooks: what is lost there seems lost at the device before.
TEST_F(PathBridge, ABridgesRuleIsNotThatOfADevice) {
    ASSERT_TRUE(router().set_sysctl("net.bridge.bridge-nf-call-iptables", "0"));
    bridge_both();
    nft(router(), fmt::format("table bridge q {{ chain f {{ type filter hook forward priority 0; "
                              "udp dport {} counter drop; }}; }}\n"
                              "table netdev w {{ chain i {{ type filter hook ingress device {} "
                              "priority 0; udp dport {} limit rate over 1000/second drop; }}; }}",
                              kDropped, router().toward(Side::Client).name, kDropped));
    LivePath& path = follow(router(), kFilter);
    send(kEach, kDropped);
    const auto report = path.wait_for(pathtrace::PacketPath::End::dropped);
    ASSERT_TRUE(report);
    std::this_thread::sleep_for(1s);
    path.stop();
    for (const pathtrace::PathReport& each : path.reports()) {
        if (each.drop && each.drop->attribution) {
            EXPECT_EQ(each.drop->attribution->certainty, netfilter::Certainty::probable)
                << words_of(*each.drop->attribution);
        }
    }
}

}  // namespace
}  // namespace flowstamp::lab
