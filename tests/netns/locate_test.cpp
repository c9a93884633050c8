// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// `flowstamp locate` on a path of eight routers: which of them forges, by the program itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <vector>

#include "tests/netns/lab_fixture.h"
#include "user/base/process.h"
#include "user/lab/injector.h"
#include "user/lab/socket.h"

namespace flowstamp::lab {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr unsigned kRouters = 8;
constexpr std::uint16_t kPort = 8000;  ///< router N forges on connections to port 8000 + N

/// An open connection to an echo server. What comes back is compared.
class EchoConnection {
  public:
    EchoConnection(const Namespace& client, const Endpoint& server)
        : socket_(client.run_in([&] { return require(connect_tcp(server, limit())); })) {}

    /// Sends and receives so many bytes; false if they did not come back as they were.
    [[nodiscard]] bool echo(std::size_t bytes) {
        std::vector<std::uint8_t> sent(bytes), received;
        std::ranges::generate(sent, [this] { return next_++; });
        if (!send_all(socket_, sent, limit())) {
            return false;
        }
        std::vector<std::uint8_t> buffer(bytes);
        while (received.size() < bytes) {
            const auto got = receive_some(socket_, buffer, limit());
            if (!got || *got == 0) {
                return false;
            }
            received.insert(received.end(), buffer.begin(),
                            buffer.begin() + static_cast<std::ptrdiff_t>(*got));
        }
        return received == sent;
    }
    [[nodiscard]] std::string flow() const {
        return local_endpoint(socket_).text() + " > " + remote_endpoint(socket_).text();
    }
    [[nodiscard]] std::uint16_t port() const { return local_endpoint(socket_).port; }

  private:
    static WaitLimit limit() { return {.deadline = SteadyClock::now() + 30s}; }

    Fd socket_;
    std::uint8_t next_ = 0;
};

class Locate : public LabFamilyTest {
  protected:
    ~Locate() override { std::filesystem::remove_all(folder_); }
    void SetUp() override {
        LabFamilyTest::SetUp();
        if (IsSkipped()) {
            return;
        }
        make({.routers = kRouters});
        for (const Namespace& host : lab().hosts()) {
            // Each router is asked by many runs here.
            ASSERT_TRUE(host.set_sysctl("net.ipv4.icmp_ratelimit", "0"));
            ASSERT_TRUE(host.set_sysctl("net.ipv6.icmp.ratelimit", "0"));
        }
    }

    void watch() {
        watch_.emplace(require(lab().client().spawn(
            {built_program(), "watch", "-i", lab().client().toward(Side::Server).name, "--drop",
             "suspected", "--challenge", "all", "--log", log_})));
        ASSERT_TRUE(watch_->wait_for_output("watching ", 60s)) << watch_->err();
    }
    Server serve(unsigned router) {
        return require(Server::start(lab().server(), {.family = GetParam(),
                                                      .port = port(router),
                                                      .service = Service::Echo,
                                                      .timeout = 120s}));
    }
    Injector forge_at(unsigned router) {
        return require(Injector::start(
            lab().router(router),
            {.trigger = {.after_server_bytes = 20'000, .port = port(router)}, .forgery = {}}));
    }
    EchoConnection connect(unsigned router) {
        return {lab().client(), {lab().server().address(GetParam()), port(router)}};
    }
    /// Long enough for a forged reset, and for a look at what comes after it.
    static bool talk(EchoConnection& connection) {
        for (int i = 0; i < 40; i++) {
            if (!connection.echo(1000)) {
                return false;
            }
        }
        return true;
    }
    CommandOutput locate(const Argv& options) {
        Argv argv{built_program(), "locate"};
        argv.insert(argv.end(), options.begin(), options.end());
        return require(lab().client().exec(argv, {}, 60s));
    }
    /// The events `hop`, and the last one.
    std::vector<json> events(const Argv& options) {
        Argv all = options;
        all.emplace_back("--json");
        const CommandOutput output = locate(all);
        EXPECT_EQ(output.status, 0) << output.err;
        std::vector<json> found;
        std::istringstream lines(output.out);
        for (std::string line; std::getline(lines, line);) {
            found.push_back(json::parse(line));
        }
        return found;
    }
    /// By which a router answers what comes from the client.
    std::string address(unsigned router) {
        return lab().router(router).toward(Side::Client).address(GetParam()).text();
    }
    /// The finding in the watch's log about the connection from this port.
    std::optional<std::uint64_t> finding(std::uint16_t client_port) {
        for (int tries = 0; tries < 300; tries++) {
            std::ifstream log(log_);
            for (std::string line; std::getline(log, line);) {
                const json event = json::parse(line, nullptr, false);
                if (event.is_object() && event.value("event_type", "") == "finding" &&
                    event.value("dest_port", 0) == client_port) {
                    return event["finding"]["id"].get<std::uint64_t>();
                }
            }
            std::this_thread::sleep_for(100ms);
        }
        return std::nullopt;
    }
    /// What the watch has found but forged resets.
    std::string other_findings() {
        watch_->stop();
        std::string found;
        std::ifstream log(log_);
        for (std::string line; std::getline(log, line);) {
            const json event = json::parse(line);
            if (event["event_type"] == "finding" && event["finding"]["kind"] != "forged-rst") {
                found += line + "\n";
            }
        }
        return found;
    }
    static std::uint16_t port(unsigned router) {
        return static_cast<std::uint16_t>(kPort + router);
    }

    std::string folder_ = [] {
        std::string path = "/tmp/flowstamp-locate-XXXXXX";
        return std::string(::mkdtemp(path.data()));
    }();
    std::string log_ = folder_ + "/watch.json";
    std::optional<Child> watch_;
};

TEST_P(Locate, NamesTheRouterThatForgesAndTheConnectionGoesOn) {
    watch();
    // What comes from near the server differs too little from its own packets to be found each time.
    for (unsigned router = 1; router + 2 <= kRouters; router++) {
        SCOPED_TRACE(router);
        const Server server = serve(router);
        const Injector injector = forge_at(router);
        EchoConnection connection = connect(router);
        ASSERT_TRUE(talk(connection));
        ASSERT_EQ(injector.injected(1, 10s).size(), 1U);

        ASSERT_TRUE(finding(connection.port()));
        const std::vector<json> all = events({connection.flow(), "--log", log_});
        ASSERT_EQ(all.size(), router + 1) << "a hop a line, no farther than the box, and the place";
        for (unsigned hop = 1; hop <= router; hop++) {
            EXPECT_EQ(all[hop - 1]["hop"]["ttl"], hop);
            EXPECT_EQ(all[hop - 1]["hop"]["address"], address(hop));
        }
        const json place = all.back()["locate"];
        EXPECT_EQ(place["box_hops"], router - 1);
        EXPECT_EQ(place["before"], address(router));
        EXPECT_EQ(place.value("after", ""), router == 1 ? "" : address(router - 1));
        EXPECT_EQ(place["certainty"], "likely");
        EXPECT_EQ(place["peer_hops"], kRouters);
        EXPECT_TRUE(talk(connection)) << "the connection was disturbed";
    }
    EXPECT_EQ(other_findings(), "") << "the watch took probes, or what answers them, for a fault";
}

TEST_P(Locate, OfAFindingAndInWords) {
    watch();
    const Server server = serve(3);
    const Injector injector = forge_at(3);
    EchoConnection connection = connect(3);
    ASSERT_TRUE(talk(connection));
    const auto id = finding(connection.port());
    ASSERT_TRUE(id) << watch_->err();
    const CommandOutput output = locate({"--finding", std::to_string(*id), "--log", log_});
    EXPECT_EQ(output.status, 0) << output.err;
    EXPECT_THAT(output.out, HasSubstr("hop 3   " + address(3)));
    EXPECT_THAT(output.out, HasSubstr("from 2 hops away: the box is hop 3, "));
    EXPECT_TRUE(talk(connection));
}

TEST_P(Locate, ASilentRouterIsSaidToBeSilent) {
    const bool is_v4 = GetParam() == Family::V4;
    ASSERT_TRUE(lab().router(3).require(
        {is_v4 ? "iptables-nft" : "ip6tables-nft", "-A", "OUTPUT", "-p", is_v4 ? "icmp" : "icmpv6",
         is_v4 ? "--icmp-type" : "--icmpv6-type", "time-exceeded", "-j", "DROP"}));
    watch();
    const Server server = serve(3);
    const Injector injector = forge_at(3);
    EchoConnection connection = connect(3);
    ASSERT_TRUE(talk(connection));
    ASSERT_TRUE(finding(connection.port()));
    const std::vector<json> all = events({connection.flow(), "--log", log_});
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(all[2]["hop"], json({{"ttl", 3}, {"replies", 0}}));
    const json place = all.back()["locate"];
    EXPECT_EQ(place["after"], address(2));
    EXPECT_FALSE(place.contains("before"));
    EXPECT_TRUE(talk(connection));
}

/// A strict firewall sees every probe that goes farther, and drops none.
TEST_P(Locate, PassesAStatefulFirewall) {
    const Namespace& firewall = lab().router(2);
    ASSERT_TRUE(firewall.set_sysctl("net.netfilter.nf_conntrack_tcp_be_liberal", "0"));
    ASSERT_TRUE(firewall.set_sysctl("net.netfilter.nf_conntrack_tcp_loose", "0"));
    ASSERT_TRUE(firewall.require({"nft", "-f", "-"}, R"(table inet filter {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state invalid counter drop
    ct state established,related accept
    ct state new tcp flags & (fin|syn|rst|ack) == syn accept
  }
})"));
    watch();
    const Server server = serve(1);
    EchoConnection connection = connect(1);
    ASSERT_TRUE(talk(connection));
    const auto before = require(firewall.exec({"nft", "list", "ruleset"})).out;
    const std::vector<json> all = events({connection.flow()});
    ASSERT_EQ(all.size(), kRouters + 1);
    for (unsigned hop = 1; hop <= kRouters; hop++) {
        EXPECT_EQ(all[hop - 1]["hop"].value("address", ""), address(hop));
    }
    EXPECT_EQ(require(firewall.exec({"nft", "list", "ruleset"})).out, before)
        << "the firewall has dropped probes";
    EXPECT_TRUE(talk(connection));
}

/// From router 2 on half of the connections go by router 3, and half past it. (Which, the connection's own
/// packets do not show here: inside one machine they bear their socket's hash, and are balanced by that.)
TEST_P(Locate, OneTraceTakesOneWayWhereLoadIsBalanced) {
    const bool is_v4 = GetParam() == Family::V4;
    const Namespace& splits = lab().router(2);
    ASSERT_TRUE(splits.set_sysctl(
        is_v4 ? "net.ipv4.fib_multipath_hash_policy" : "net.ipv6.fib_multipath_hash_policy", "1"));
    const Shortcut shortcut = require(add_shortcut(lab(), 2, 4));
    const Interface& onward = splits.toward(Side::Server);
    const std::string past = is_v4 ? shortcut.far.text() : "2001:db8:fff::2";
    if (!is_v4) {  // the shortcut has IPv4 only
        ASSERT_TRUE(splits.require({"ip", "addr", "add", "2001:db8:fff::1/64", "dev", "shortcut"}));
        ASSERT_TRUE(
            lab().router(4).require({"ip", "addr", "add", past + "/64", "dev", "shortcut"}));
    }
    ASSERT_TRUE(
        splits.require({"ip", is_v4 ? "-4" : "-6", "route", "replace", "default", "nexthop", "via",
                        (is_v4 ? onward.neighbour_ipv4 : onward.neighbour_ipv6).text(), "dev",
                        onward.name, "nexthop", "via", past, "dev", "shortcut"}));
    watch();
    const Server server = serve(1);
    unsigned by_router_3 = 0;
    constexpr unsigned kConnections = 16;
    for (unsigned i = 0; i < kConnections; i++) {
        EchoConnection connection = connect(1);
        ASSERT_TRUE(talk(connection));
        const std::vector<json> all = events({connection.flow()});
        ASSERT_GE(all.size(), 4U);
        const bool by_it = all[2]["hop"].value("address", "") == address(3);
        EXPECT_EQ(all[3]["hop"].value("address", ""), address(by_it ? 4 : 5));
        by_router_3 += by_it;
        EXPECT_TRUE(talk(connection));
    }
    EXPECT_GT(by_router_3, 0U);
    EXPECT_LT(by_router_3, kConnections);
}

TEST_P(Locate, ClaimsNothingWhereNothingWasForged) {
    watch();
    const Server server = serve(1);
    EchoConnection connection = connect(1);
    ASSERT_TRUE(talk(connection));
    const std::vector<json> all = events({connection.flow()});
    ASSERT_EQ(all.size(), kRouters + 1);
    for (unsigned hop = 1; hop <= kRouters; hop++) {
        EXPECT_EQ(all[hop - 1]["hop"]["address"], address(hop));
    }
    EXPECT_EQ(all.back()["locate"], json({{"peer_hops", kRouters}, {"certainty", "unknown"}}));
    EXPECT_TRUE(talk(connection));
    EXPECT_EQ(watch_->out().find("finding"), std::string::npos) << watch_->out();

    const CommandOutput other = locate({"198.51.100.2:9 > 203.0.113.2:9"});
    EXPECT_EQ(other.status, 1);
    EXPECT_THAT(other.err, HasSubstr("no running watch has seen that connection"));
    EXPECT_EQ(locate({"nonsense"}).status, 2);
}

INSTANTIATE_TEST_SUITE_P(Families, Locate, both_families(), family_name);

}  // namespace
}  // namespace flowstamp::lab
