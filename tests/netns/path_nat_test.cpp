// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// With any address translation a connection is one flow with two tuples, and two connections are
// two flows.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/netns/live_path.h"
#include "user/lab/lan.h"

namespace flowstamp::lab {
namespace {

bool is_whole(const pathtrace::PathReport& report) {
    return report.end == pathtrace::PacketPath::End::left;
}
bool is_reply_report(const pathtrace::PathReport& report) {
    return is_whole(report) && report.is_reply;
}
bool is_original(const pathtrace::PathReport& report) {
    return is_whole(report) && !report.is_reply;
}

/// Expects one flow for the whole connection, in both directions.
void expect_one_flow(LivePath& path) {
    const pathtrace::PathStats& stats = path.stop();
    EXPECT_EQ(stats.flows, 1U) << testing::PrintToString(path.reports());
    EXPECT_EQ(stats.dropped, 0U) << testing::PrintToString(path.reports());
    EXPECT_EQ(stats.unknown, 0U) << testing::PrintToString(path.reports());
    EXPECT_EQ(stats.left(), stats.packets);
}

struct Translation {
    const char* name;
    bool source;
    bool destination;
};

class PathNat : public LivePathTest, public testing::WithParamInterface<Translation> {
  protected:
    lab::IpAddress outside() { return router().toward(lab::Side::Client).ipv4; }
    lab::IpAddress inside() { return router().toward(lab::Side::Server).ipv4; }
    lab::IpAddress server() { return lab().server().address(); }

    void masquerade() {
        run(router(), "iptables-nft -t nat -A POSTROUTING -o to-server -j MASQUERADE");
    }
    void publish() {
        run(router(),
            "iptables-nft -t nat -A PREROUTING -p tcp --dport 10174 -j DNAT "
            "--to-destination " +
                server().text() + ":80");
    }
};

TEST_P(PathNat, IsOneFlowWithBothTuples) {
    const auto [name, source, destination] = GetParam();
    if (source) {
        masquerade();
    }
    if (destination) {
        publish();
    }
    const lab::Server serving = require(lab::Server::start(lab().server(), {}));
    const Endpoint requested = destination ? Endpoint{outside(), 10174} : Endpoint{server(), 80};
    LivePath& path = follow(router(), destination ? "tcp port 10174" : "tcp port 80");
    lab::DownloadOptions options = to_server(100'000);
    options.server = requested;
    const lab::DownloadReport report = lab::download(lab().client(), options);
    EXPECT_EQ(report.outcome, lab::Outcome::Complete);

    const auto request = path.wait_for(is_original);
    ASSERT_TRUE(request && request->translated);
    EXPECT_EQ(pathtrace::source_of(request->name).text(), report.local.text());
    EXPECT_EQ(pathtrace::destination_of(request->name).text(), requested.text());
    EXPECT_EQ(pathtrace::source_of(*request->translated).ip_text(),
              source ? inside().text() : report.local.address.text());
    EXPECT_EQ(pathtrace::destination_of(*request->translated).text(),
              (Endpoint{server(), 80}).text());
    const auto reply = path.wait_for(is_reply_report);
    ASSERT_TRUE(reply && reply->translated);
    EXPECT_EQ(reply->flow, request->flow);
    EXPECT_EQ(pathtrace::source_of(reply->name), pathtrace::destination_of(*request->translated));
    EXPECT_EQ(pathtrace::destination_of(*reply->translated), pathtrace::source_of(request->name));
    expect_one_flow(path);
}

INSTANTIATE_TEST_SUITE_P(Translations, PathNat,
                         testing::Values(Translation{"Source", true, false},
                                         Translation{"Destination", false, true},
                                         Translation{"Both", true, true}),
                         [](const auto& info) { return info.param.name; });

using PathNatOfMany = PathNat;

/// The second one's port is changed, as both would have the router's address and the same port.
TEST_F(PathNatOfMany, TwoClientsWithOnePortAreTwoFlows) {
    masquerade();
    publish();
    run(lab().client(), "ip address add 198.51.100.3/24 dev to-router1");
    const lab::Server serving = require(lab::Server::start(lab().server(), {}));
    LivePath& path = follow(router(), "tcp port 10174");
    std::vector<Fd> sockets;
    for (const char* own : {"198.51.100.2", "198.51.100.3"}) {
        auto one = start_connections(lab().client(), {outside(), 10174}, 1,
                                     {lab::IpAddress::of(own), 40000});
        std::ranges::move(one, std::back_inserter(sockets));
    }
    std::set<std::uint64_t> flows;
    std::set<std::string> inner;
    for (const char* own : {"198.51.100.2", "198.51.100.3"}) {
        const auto request = path.wait_for([&](const pathtrace::PathReport& report) {
            return is_original(report) && pathtrace::source_of(report.name).ip_text() == own;
        });
        const auto reply = path.wait_for([&](const pathtrace::PathReport& report) {
            return is_reply_report(report) && report.translated &&
                   pathtrace::destination_of(*report.translated).ip_text() == own;
        });
        ASSERT_TRUE(request && request->translated && reply)
            << testing::PrintToString(path.reports());
        EXPECT_EQ(pathtrace::source_of(request->name).port, 40000);
        EXPECT_EQ(request->flow, reply->flow);
        flows.insert(request->flow);
        inner.insert(pathtrace::source_of(*request->translated).text());
    }
    EXPECT_EQ(flows.size(), 2U);
    EXPECT_EQ(inner.size(), 2U);
    EXPECT_EQ(path.stop().flows, 2U);
}

/// Client and server in one local network, by the router's public address: in and out through one
/// interface.
TEST(PathNatHairpin, IsOneFlow) {
    if (geteuid() != 0) {
        GTEST_SKIP() << "needs root";
    }
    const lab::Lan lan = require(lab::Lan::create());
    const std::string server = lan.server().address().text();
    const Status applied = lan.router().require({"nft", "-f", "-"}, fmt::format(R"(table ip nat {{
        chain pre {{
            type nat hook prerouting priority -100;
            ip daddr 203.0.113.1 tcp dport 80 dnat to {}
        }}
        chain post {{
            type nat hook postrouting priority 100;
            ip saddr 192.0.2.0/24 masquerade
        }}
    }}
)",
                                                                                server));
    ASSERT_TRUE(applied) << applied.error().message();
    const lab::Server serving = require(lab::Server::start(lan.server(), {}));
    LivePath path(lan.router(), {"lan"}, "tcp port 80");
    const lab::DownloadReport report = lab::download(
        lan.client(),
        {.server = {lab::Lan::public_address(), 80}, .bytes = 100'000, .timeout = 8s});
    EXPECT_EQ(report.outcome, lab::Outcome::Complete);
    const auto request = path.wait_for(is_original);
    ASSERT_TRUE(request && request->translated);
    EXPECT_EQ(pathtrace::source_of(request->name).text(), report.local.text());
    EXPECT_EQ(pathtrace::destination_of(request->name).text(), "203.0.113.1:80");
    EXPECT_EQ(pathtrace::source_of(*request->translated).ip_text(), "192.0.2.1");
    EXPECT_EQ(pathtrace::destination_of(*request->translated).text(), server + ":80");
    EXPECT_EQ(request->steps.front().at, "lan in");
    EXPECT_EQ(request->steps.back().at, "lan out");
    const auto reply = path.wait_for(is_reply_report);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->flow, request->flow);
    expect_one_flow(path);
}

}  // namespace
}  // namespace flowstamp::lab
