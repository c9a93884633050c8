// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What the path programs report on real packets: where they pass, where they stop, and why.
#include <netinet/in.h>

#include <cstring>
#include <set>

#include "tests/netns/path_probe_fixture.h"

namespace flowstamp::lab {
namespace {

class PathStations : public LabTest {
  protected:
    void SetUp() override {
        LabTest::SetUp();
        if (!IsSkipped()) {
            make({.routers = 1});
        }
    }

    const lab::Namespace& router() { return lab().router(1); }

    PathWatch watch(std::vector<fst_path_match> matches) {
        return watch(router_stations(router()), std::move(matches));
    }
    PathWatch watch(std::vector<pathtrace::Station> stations, std::vector<fst_path_match> matches) {
        return {router(), {.stations = std::move(stations), .matches = std::move(matches)}};
    }

    void nft(const std::string& rules) { require(router().require({"nft", "-f", "-"}, rules)); }
    static void require(const Status& status) { ASSERT_TRUE(status) << status.error().message(); }

    /// Additional header fields of a datagram: arguments of setsockopt(2).
    struct HeaderOption {
        int level;
        int name;
        std::vector<std::uint8_t> bytes;
    };

    /// Sends a datagram of the client, from one of its addresses.
    void send_udp(const char* to, std::uint16_t port, const char* from = "0.0.0.0",
                  const HeaderOption& option = {}) {
        lab().client().run_in([&] {
            const lab::SocketAddress source({lab::IpAddress::of(from), 0});
            const Fd socket(::socket(source.get()->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
            if (!option.bytes.empty()) {
                EXPECT_EQ(::setsockopt(socket.get(), option.level, option.name, option.bytes.data(),
                                       static_cast<socklen_t>(option.bytes.size())),
                          0);
            }
            const lab::SocketAddress peer({lab::IpAddress::of(to), port});
            EXPECT_EQ(::bind(socket.get(), source.get(), source.length), 0);
            EXPECT_EQ(::sendto(socket.get(), "hello", 5, 0, peer.get(), peer.length), 5);
        });
    }

    /// The path of each packet, up to where it leaves: the end of its buffer is in another host.
    static std::vector<std::string> path_texts(PathWatch& watch) {
        std::vector<std::string> paths;
        for (const auto& path : paths_of(watch.events())) {
            paths.push_back(watch.path_text(path));
        }
        return paths;
    }
};

constexpr char kToServer[] =
    "ingress(to-client) prerouting-301 prerouting-199 prerouting-101 prerouting-99 forward-1 "
    "forward+1 postrouting+99 postrouting+101 egress(to-server)";
constexpr char kToClient[] =
    "ingress(to-server) prerouting-301 prerouting-199 prerouting-101 prerouting-99 forward-1 "
    "forward+1 postrouting+99 postrouting+101 egress(to-client)";

TEST_F(PathStations, ForwardedConnectionPassesAllInOrder) {
    const lab::Server server = lab::require(lab::Server::start(lab().server(), {}));
    PathWatch watch = this->watch({tcp_port(80)});
    for (const pathtrace::StationState& station : watch.probe().stations()) {
        EXPECT_TRUE(station.attached) << station.station.text();
    }
    for (const kernel::Notice& notice : watch.probe().notices()) {
        ADD_FAILURE() << notice.text;
    }
    EXPECT_EQ(lab::download(lab().client(), to_server(300'000)).outcome, lab::Outcome::Complete);

    std::set<std::string> seen;
    unsigned packets = 0;
    for (const auto& path : paths_of(watch.events())) {
        packets++;
        seen.insert(watch.path_text(path));
        EXPECT_TRUE(path.front().flags & FST_PATH_FIRST);
        for (const fst_path_event& event : path) {
            EXPECT_EQ(event.seq, path.front().seq);
            EXPECT_EQ(event.ip_id, path.front().ip_id);
            EXPECT_EQ(event.flags & FST_PATH_OWN_MATCH, FST_PATH_OWN_MATCH);
        }
    }
    EXPECT_EQ(seen, (std::set<std::string>{kToServer, kToClient}));
    EXPECT_GE(packets, 8U);
    const pathtrace::PathCounters counters = lab::require(watch.probe().counters());
    EXPECT_EQ(counters[FST_PATH_COUNT_EVENT_LOST], 0U);
    EXPECT_EQ(counters[FST_PATH_COUNT_PACKET_PATH], packets);
}

/// As on kernels before 6.6: tracepoints next to tc replace its hooks.
TEST_F(PathStations, PathIsTheSameWithoutTcx) {
    const lab::Server server = lab::require(lab::Server::start(lab().server(), {}));
    PathWatch watch(
        router(), {.stations = router_stations(router()), .matches = {tcp_port(80)}, .tcx = false});
    for (const pathtrace::StationState& station : watch.probe().stations()) {
        EXPECT_TRUE(station.attached) << station.station.text();
    }
    ASSERT_EQ(watch.probe().notices().size(), 1U);
    EXPECT_NE(watch.probe().notices()[0].text.find("tracepoints beside it"), std::string::npos);
    EXPECT_EQ(lab::download(lab().client(), to_server(300'000)).outcome, lab::Outcome::Complete);
    std::set<std::string> seen;
    for (const auto& path : paths_of(watch.events())) {
        seen.insert(watch.path_text(path));
    }
    EXPECT_EQ(seen, (std::set<std::string>{kToServer, kToClient}));
}

TEST_F(PathStations, NatShowsBothTuplesAndTheConntrackEntry) {
    nft("table ip nat { chain in { type nat hook prerouting priority -100; "
        "tcp dport 8080 dnat to 203.0.113.2:80; }; }");
    const lab::Server server = lab::require(lab::Server::start(lab().server(), {}));
    PathWatch watch = this->watch({tcp_port(8080)});
    const lab::Interface& interface = router().toward(lab::Side::Client);
    lab::DownloadOptions options = to_server(1000);
    options.server = {interface.ipv4, 8080};
    EXPECT_EQ(lab::download(lab().client(), options).outcome, lab::Outcome::Complete);

    const auto all = paths_of(watch.events());
    ASSERT_FALSE(all.empty());
    const auto& syn = all.front();
    EXPECT_EQ(watch.path_text(syn), kToServer);
    const std::string before = "198.51.100.2 > " + interface.ipv4.text() + ":8080";
    for (const fst_path_event& event : syn) {
        const pathtrace::Station& station = watch.probe().stations().at(event.station).station;
        const bool translated = station.priority == -99 || event.place > FST_PLACE_PREROUTING;
        EXPECT_EQ(tuple_text(event.tuple), translated ? "198.51.100.2 > 203.0.113.2:80" : before);
        if (station.priority != -301 && event.place >= FST_PLACE_PREROUTING) {
            EXPECT_TRUE(event.flags & FST_PATH_CONNTRACK);
            EXPECT_EQ(tuple_text(event.original), before);
            EXPECT_EQ(address_text(event.reply.source),
                      translated ? "203.0.113.2" : interface.ipv4.text());
            EXPECT_EQ((event.flags & FST_PATH_DNAT) != 0, translated);
        }
    }
    // An answer has the server's address until its entry is found, and is recognized from there on.
    EXPECT_EQ(watch.path_text(all.at(1)).substr(0, 15), "prerouting-199 ");
    EXPECT_TRUE(all.at(1).front().flags & FST_PATH_ENTRY_MATCH);
    EXPECT_TRUE(all.at(1).front().flags & FST_PATH_REPLY);
}

TEST_F(PathStations, DropIsBetweenTwoStationsWithItsReason) {
    nft("table inet f { chain forward { type filter hook forward priority 0; "
        "tcp dport 80 drop; }; }");
    PathWatch watch = this->watch({tcp_port(80)});
    lab::DownloadOptions options = to_server(1000);
    options.timeout = 300ms;
    EXPECT_EQ(lab::download(lab().client(), options).outcome, lab::Outcome::TimedOut);
    const auto all = paths_of(watch.events());
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(watch.path_text(all[0]),
              "ingress(to-client) prerouting-301 prerouting-199 prerouting-101 prerouting-99 "
              "forward-1 NETFILTER_DROP");
    EXPECT_NE(all[0].back().location, 0U);
    EXPECT_EQ(pathtrace::code_name(all[0].back().location).substr(0, 12), "nft_do_chain");
}

TEST_F(PathStations, RoutingAndSocketDropsHaveReasons) {
    PathWatch watch = this->watch({protocol(IPPROTO_UDP)});
    send_udp("192.0.2.99", 53);
    auto udp = path_texts(watch);
    ASSERT_EQ(udp.size(), 1U);
    EXPECT_EQ(udp[0],
              "ingress(to-client) prerouting-301 prerouting-199 prerouting-101 prerouting-99 "
              "IP_INNOROUTES");

    require(lab().client().require({"ip", "address", "add", "192.0.2.77/32", "dev", "lo"}));
    require(router().set_sysctl("net.ipv4.conf.to-client.rp_filter", "1"));
    send_udp("203.0.113.2", 53, "192.0.2.77");
    udp = path_texts(watch);
    ASSERT_EQ(udp.size(), 1U);
    EXPECT_EQ(udp[0],
              "ingress(to-client) prerouting-301 prerouting-199 prerouting-101 prerouting-99 "
              "IP_RPFILTER");

    require(watch.probe().match_also(tcp_port(9)));
    lab::DownloadOptions nobody = to_server(1000);
    nobody.server = {router().toward(lab::Side::Client).ipv4, 9};
    EXPECT_EQ(lab::download(lab().client(), nobody).outcome, lab::Outcome::Refused);
    const auto tcp = path_texts(watch);
    ASSERT_EQ(tcp.size(), 2U);
    EXPECT_EQ(tcp[0],
              "ingress(to-client) prerouting-301 prerouting-199 prerouting-101 prerouting-99 "
              "input-1 input+1 NO_SOCKET");
    EXPECT_EQ(tcp[1], "output-1 output+1 postrouting+99 postrouting+101 egress(to-client)");
}

TEST_F(PathStations, DeliveredPacketReachesItsSocket) {
    const lab::Server server = lab::require(lab::Server::start(router(), {}));
    PathWatch watch = this->watch({tcp_port(80)});
    lab::DownloadOptions options = to_server(1000);
    options.server = {router().toward(lab::Side::Client).ipv4, 80};
    EXPECT_EQ(lab::download(lab().client(), options).outcome, lab::Outcome::Complete);
    unsigned delivered = 0;
    for (const std::string& way : path_texts(watch)) {
        EXPECT_EQ(way.find("_"), std::string::npos) << way;  // no reason of a drop
        delivered += way.find("input+1 socket") != std::string::npos;
    }
    EXPECT_GE(delivered, 2U);
}

/// After IP options the ports have another offset: only the full test can match.
TEST_F(PathStations, PacketWithOptionsMatchesByPort) {
    fst_path_match match = protocol(IPPROTO_UDP);
    match.destination_port[0] = match.destination_port[1] = 53;
    PathWatch watch = this->watch({match});
    const HeaderOption no_operation = {IPPROTO_IP, IP_OPTIONS, {1, 1, 1, 0}};
    send_udp("203.0.113.2", 54, "0.0.0.0", no_operation);
    EXPECT_TRUE(watch.events().empty());
    send_udp("203.0.113.2", 53, "0.0.0.0", no_operation);
    const auto all = paths_of(watch.events());
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(watch.path_text(all[0]).substr(0, std::strlen(kToServer)), kToServer);
}

TEST_F(PathStations, Ipv6MatchesWithAndWithoutExtensionHeaders) {
    std::vector<pathtrace::Station> stations = router_stations(router());
    for (pathtrace::Station& station : stations) {
        station.pf = station.pf == kIpv4 ? kIpv6 : station.pf;
    }
    fst_path_match match = protocol(IPPROTO_UDP);
    match.destination_port[0] = match.destination_port[1] = 53;
    PathWatch watch = this->watch(std::move(stations), {match});
    const std::string server = lab().server().toward(lab::Side::Client).ipv6.text();
    const HeaderOption padding = {IPPROTO_IPV6, IPV6_DSTOPTS, {0, 0, 1, 4, 0, 0, 0, 0}};
    send_udp(server.c_str(), 54, "::");
    send_udp(server.c_str(), 54, "::", padding);
    EXPECT_TRUE(watch.events().empty());
    send_udp(server.c_str(), 53, "::");
    send_udp(server.c_str(), 53, "::", padding);
    const auto all = paths_of(watch.events());
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(watch.path_text(all[0]).substr(0, std::strlen(kToServer)), kToServer);
    EXPECT_EQ(watch.path_text(all[1]).substr(0, std::strlen(kToServer)), kToServer);
}

TEST_F(PathStations, OtherPacketsGiveNoRecord) {
    const lab::Server server = lab::require(lab::Server::start(lab().server(), {}));
    PathWatch watch = this->watch({tcp_port(81)});
    EXPECT_EQ(lab::download(lab().client(), to_server(100'000)).outcome, lab::Outcome::Complete);
    send_udp("203.0.113.2", 53);
    EXPECT_TRUE(watch.events().empty());
    EXPECT_EQ(lab::require(watch.probe().counters())[FST_PATH_COUNT_PACKET_PATH], 0U);
}

TEST_F(PathStations, MovesFromATakenPriorityAndReleasesIt) {
    const std::vector<pathtrace::Station> wanted = {at_hook(kForward, -1, -9),
                                                    at_hook(kForward, 1, 2)};
    {
        PathWatch first = watch(wanted, {});
        EXPECT_TRUE(first.probe().notices().empty());
        PathWatch second = watch(wanted, {});
        EXPECT_TRUE(second.probe().notices().empty());
        EXPECT_EQ(second.probe().stations().at(0).station.priority, -2);
        EXPECT_EQ(second.probe().stations().at(1).station.priority, 2);
        PathWatch third = watch(wanted, {});
        EXPECT_EQ(third.probe().stations().at(0).station.priority, -3);
        EXPECT_FALSE(third.probe().stations().at(1).attached);
        ASSERT_EQ(third.probe().notices().size(), 1U);
        EXPECT_EQ(
            third.probe().notices()[0].text,
            "IPv4 forward, priority 1 to 2: no station: taken by other programs; what is lost "
            "before and after it is told as lost in one place");
        first.probe().detach();
        EXPECT_EQ(watch(wanted, {}).probe().stations().at(1).station.priority, 1);
    }
    EXPECT_EQ(watch(wanted, {}).probe().stations().at(0).station.priority, -1);
}

TEST_F(PathStations, ReportsAnImpossibleStation) {
    PathWatch watch = this->watch(
        {at_tc(pathtrace::Station::Kind::tc_ingress, "nowhere0"), at_hook(kForward, -1)}, {});
    EXPECT_FALSE(watch.probe().stations().at(0).attached);
    EXPECT_TRUE(watch.probe().stations().at(1).attached);
    ASSERT_EQ(watch.probe().notices().size(), 1U);
    EXPECT_EQ(watch.probe().notices()[0].text, "nowhere0, tc ingress: no station: No such device");
}

}  // namespace
}  // namespace flowstamp::lab
