// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Genuine resets in the presence of legitimate middleboxes: proxies, gateways, load balancers, and
// hosts that see each packet twice. None is reported as forged.
#include <algorithm>
#include <cstdint>
#include <utility>

#include "tests/netns/recording.h"
#include "tests/netns/stress_fixture.h"
#include "tests/support/capture_file.h"
#include "tests/support/packet.h"
#include "tests/support/replayed.h"
#include "user/lab/exchange.h"
#include "user/lab/firewall.h"
#include "user/lab/packet_socket.h"
#include "user/lab/readiness.h"

namespace flowstamp::lab {
namespace {

namespace packet = flowstamp::testing;

using StressBox = StressTest;

/// Hand-built packets of a client on the link between the client and its router; the hosts' own
/// stacks are not involved.
class StressByHand : public StressTest {
  protected:
    void SetUp() override {
        StressTest::SetUp();
        keep_out_.push_back(require(lab::Firewall::apply(
            lab().client(), {.chain = lab::FirewallRule::Chain::Input, .from_port = 80})));
        keep_out_.push_back(require(lab::Firewall::apply(lab().router(1), {.to_port = 80})));
        ours_.emplace(require(lab::PacketSocket::open(lab().client())));
        theirs_.emplace(require(lab::PacketSocket::open(lab().router(1))));
        watch();
    }

    void client_sends(packet::TcpFlags flags, std::uint32_t seq, std::uint32_t ack = 0) {
        const Interface& link = lab().client().toward(lab::Side::Server);
        send(*ours_, lab::Side::Server, link,
             packet::Ipv4{.src = "198.51.100.2", .dst = "203.0.113.2", .id = id_++} /
                 packet::Tcp{.src_port = 40'000,
                             .dst_port = 80,
                             .seq = seq,
                             .ack = ack,
                             .flags = flags,
                             .window = 64'240,
                             .options = options(flags)});
    }
    void server_sends(packet::TcpFlags flags, std::uint32_t seq, std::uint32_t ack) {
        const Interface& link = lab().router(1).toward(lab::Side::Client);
        const std::uint16_t window = flags & packet::Rst ? 0 : 65'160;
        send(*theirs_, lab::Side::Client, link,
             packet::Ipv4{.src = "203.0.113.2", .dst = "198.51.100.2", .ttl = 61} /
                 packet::Tcp{.src_port = 80,
                             .dst_port = 40'000,
                             .seq = seq,
                             .ack = ack,
                             .flags = flags,
                             .window = window,
                             .options = options(flags)});
    }

    static constexpr std::uint32_t kClient = 1000, kServer = 5'000'000;

  private:
    static std::vector<packet::TcpOption> options(packet::TcpFlags flags) {
        return flags & packet::Syn ? packet::linux_syn_options(70'000)
                                   : std::vector<packet::TcpOption>{};
    }
    static void send(const lab::PacketSocket& socket, lab::Side toward, const Interface& link,
                     const packet::Packet& datagram) {
        const packet::Packet frame =
            packet::Ethernet{.src = link.mac.text(), .dst = link.neighbour_mac.text()} / datagram;
        require_ok(socket.send(toward, frame.bytes()));
    }

    std::vector<lab::Firewall> keep_out_;
    std::optional<lab::PacketSocket> ours_, theirs_;
    std::uint16_t id_ = 7000;
};

/// A port that is just being opened: refused, tried again with the same SYN (as Windows does after
/// half a second), and answered.
TEST_F(StressByHand, RefusedThenAnswered) {
    client_sends(packet::Syn, kClient);
    server_sends(packet::Rst | packet::Ack, 0, kClient + 1);
    std::this_thread::sleep_for(300ms);
    client_sends(packet::Syn, kClient);
    std::this_thread::sleep_for(1ms);
    server_sends(packet::Syn | packet::Ack, kServer, kClient + 1);
    client_sends(packet::Ack, kClient + 1, kServer + 1);
    std::this_thread::sleep_for(50ms);
    stop_without_suspects(1);
}

/// The same with both SYNs in flight before the first answer.
TEST_F(StressByHand, TwoSynsThenRefusedAndAnswered) {
    client_sends(packet::Syn, kClient);
    std::this_thread::sleep_for(300ms);
    client_sends(packet::Syn, kClient);
    server_sends(packet::Rst | packet::Ack, 0, kClient + 1);
    server_sends(packet::Syn | packet::Ack, kServer, kClient + 1);
    std::this_thread::sleep_for(50ms);
    stop_without_suspects(1);
}

/// A SYN proxy before a closed port: the handshake succeeds, and then the server's refusal arrives.
TEST_F(StressBox, SynProxyBeforeAClosedPort) {
    const lab::Namespace& box = lab().router(2);
    const lab::Firewall untracked = require(lab::Firewall::apply(
        box, "iptables -t raw -A PREROUTING -p tcp --dport 80 --syn -j CT --notrack"));
    const lab::Firewall proxy = require(lab::Firewall::apply(
        box,
        "iptables -A FORWARD -p tcp --dport 80 -m conntrack --ctstate "
        "INVALID,UNTRACKED -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss "
        "1460"));
    require_ok(box.set_sysctl("net.netfilter.nf_conntrack_tcp_loose", "0"));
    watch();
    for (int i = 0; i < 3; ++i) {
        lab::DownloadOptions options = to_server(1000);
        options.nudge_after = 100ms;
        options.timeout = 1s;
        EXPECT_NE(lab::download(lab().client(), options).outcome, Outcome::Complete);
    }
    stop_without_suspects(1);
}

/// And before an open one, whose server resets.
TEST_F(StressBox, SynProxyBeforeAServerThatAborts) {
    const lab::Namespace& box = lab().router(2);
    const lab::Firewall untracked = require(lab::Firewall::apply(
        box, "iptables -t raw -A PREROUTING -p tcp --dport 80 --syn -j CT --notrack"));
    const lab::Firewall proxy = require(lab::Firewall::apply(
        box,
        "iptables -A FORWARD -p tcp --dport 80 -m conntrack --ctstate "
        "INVALID,UNTRACKED -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss "
        "1460"));
    require_ok(box.set_sysctl("net.netfilter.nf_conntrack_tcp_loose", "0"));
    watch();
    for (const lab::Ending ending :
         {lab::Ending::LingerZero, lab::Ending::CloseUnread, lab::Ending::Vanish}) {
        const lab::Server server = require(lab::Server::start(
            lab().server(), {.service = lab::Service::Echo, .stop_after = 500, .ending = ending}));
        // The proxy may open the connection anew without the client noticing.
        lab::exchange(lab().client(), {.server = to_server(0).server, .rounds = 10, .pause = 20ms});
    }
    stop_without_suspects(3);
}

/// Two servers behind one address; in the middle of a download the load balancer switches to the
/// other one, which does not know the connection.
class StressBackend : public StressTest, public ::testing::WithParamInterface<int> {
  protected:
    /// A second server, on its own link to the last router.
    void add_backend() {
        const std::string name = lab().prefix() + "backend";
        guard_.emplace(require(lab::NetnsReaper::start({name})));
        require_ok(require_command({"ip", "netns", "add", name}));
        backend_.emplace(require(lab::Namespace::open("backend", name)));
        const lab::Namespace& router = lab().router(lab().routers());
        require_ok(require_command({"ip", "link", "add", "to-backend", "netns", router.name(),
                                    "type", "veth", "peer", "name", "to-router", "netns", name}));
        require_ok(
            router.require({"ip", "-batch", "-"},
                           "addr add 192.0.2.241/30 dev to-backend\nlink set to-backend up\n"));
        require_ok(
            backend_->require({"ip", "-batch", "-"},
                              "addr add 192.0.2.242/30 dev to-router\nlink set to-router up\n"
                              "route add default via 192.0.2.241\n"));
        require_ok(lab::await_link(router, "to-backend"));
        require_ok(lab::await_link(*backend_, "to-router"));
        require_ok(backend_->set_sysctl("net.ipv4.ip_default_ttl", std::to_string(GetParam())));
    }

    std::optional<lab::NetnsReaper> guard_;
    std::optional<lab::Namespace> backend_;
};

TEST_P(StressBackend, SwitchedInTheMiddleOfADownload) {
    add_backend();
    const lab::Namespace& balancer = lab().router(lab().routers());
    const lab::Forwarder slow = require(lab::Forwarder::start(lab(), 1, {.link = {.delay = 5ms}}));
    watch();
    const lab::Server server = require(
        lab::Server::start(lab().server(), {.pace = {.chunk_bytes = 16'384, .pause = 3ms}}));
    lab::Download running(lab().client(), to_server(4'000'000));
    while (!running.done() && running.bytes() < 200'000) {
        std::this_thread::sleep_for(1ms);
    }
    // What the first server still sends must not restore the route to it.
    const lab::Firewall untracked = require(lab::Firewall::apply(
        balancer, "iptables -t raw -A PREROUTING -s 203.0.113.2 -p tcp -j CT --notrack"));
    const lab::Firewall elsewhere = require(lab::Firewall::apply(
        balancer,
        "iptables -t nat -A PREROUTING -d 203.0.113.2 -p tcp --dport 80 -j DNAT "
        "--to-destination 192.0.2.242"));
    require_ok(balancer.require({"conntrack", "-F"}));
    EXPECT_EQ(running.wait().outcome, Outcome::Reset);
    std::this_thread::sleep_for(100ms);
    stop_without_suspects(1);
}

INSTANTIATE_TEST_SUITE_P(DefaultTtls, StressBackend, ::testing::Values(64, 128, 255),
                         ::testing::PrintToStringParamName());

/// A masquerading router has lost its table: packets that the server still sends reach the router's
/// own stack, which does not know the connection. Seen at the server.
class StressMasquerade : public StressTest {
  protected:
    WatchLog forget_at(unsigned router, std::chrono::milliseconds idle_time) {
        make({.masquerade_at = router});
        const lab::Namespace& server = lab().server();
        watch(server, {server.toward(lab::Side::Client).name});
        std::promise<bool> ended;
        const ScriptedServer service(
            server, {lab::IpAddress::any(lab::Family::V4), 80},
            [&](Fd socket, const lab::WaitLimit& limit) {
                for (int i = 0; i < 10; ++i) {
                    [[maybe_unused]] const auto sent =
                        lab::send_all(socket, some_bytes(5000), limit);
                    lab::pause(5ms, limit);
                }
                lab::pause(idle_time, limit);
                require_ok(lab().router(router).require({"conntrack", "-F"}));
                [[maybe_unused]] const auto sent = lab::send_all(socket, some_bytes(5000), limit);
                ended.set_value(ends_by_reset(socket));
            });
        const Fd client = require(connect_from(lab().client(), lab::Family::V4));
        EXPECT_TRUE(ended.get_future().get());
        WatchLog log = watch_->stop();
        EXPECT_GE(log.resets.size(), 1u);
        return log;
    }
};

TEST_F(StressMasquerade, ClientsRouterLosesItsTable) {
    expect_no_suspects(forget_at(1, 50ms));
}

TEST_F(StressMasquerade, DistantFirewallTimesOutAnIdleFlow) {
    const WatchLog log = forget_at(3, 10'200ms);
    expect_no_suspects(log);
    ASSERT_FALSE(log.resets.empty());
    EXPECT_EQ(log.resets[0].last.judgement.cause, FST_CAUSE_EDGE) << log.text();
}

/// A genuine reset that looks forged (its host's stateless ones have another TTL than the socket),
/// refused on suspicion: the client only receives, and must not wait forever.
class StressPureReceiver : public StressTest,
                           public ::testing::WithParamInterface<fst_challenge_mode> {
  protected:
    struct Run {
        lab::DownloadReport report;
        WatchLog log;
    };

    Run run() {
        watch(acting(FST_DROP_SUSPECTED, GetParam()));
        const lab::Server server =
            require(lab::Server::start(lab().server(), {.ttl = 60,
                                                        .pace = {.chunk_bytes = 10'000},
                                                        .stop_after = 50'000,
                                                        .ending = lab::Ending::Vanish}));
        lab::DownloadReport report = lab::download(lab().client(), to_server(1'000'000));
        return {std::move(report), watch_->stop()};
    }

    /// On a busy machine two answers are sometimes swapped: then one may count as the previous
    /// one's.
    static bool in_order(const WatchLog& log) {
        return std::ranges::is_sorted(log.resets, [](const auto& one, const auto& other) {
            return static_cast<std::int32_t>(one.last.sighting.packet.seq -
                                             other.last.sighting.packet.seq) < 0;
        });
    }
};

TEST_P(StressPureReceiver, SuspectedGenuineResetStillEndsTheConnection) {
    const lab::Forwarder slow = require(lab::Forwarder::start(lab(), 2, {.link = {.delay = 10ms}}));
    Run result = run();
    for (int again = 0; again < 3 && !in_order(result.log); again++) {
        result = run();
    }
    const auto& [report, log] = result;
    ASSERT_TRUE(in_order(log)) << log.text();
    EXPECT_EQ(report.outcome, Outcome::Reset) << log.text();
    EXPECT_LT(report.elapsed, 4s) << log.text();
    EXPECT_GT(log.count(FST_COUNT_CHALLENGED) + log.count(FST_COUNT_DROPPED), 0u) << log.text();
    EXPECT_EQ(log.summary.challenges.refuted, 0u) << log.text();
}

INSTANTIATE_TEST_SUITE_P(Modes, StressPureReceiver,
                         ::testing::Values(FST_CHALLENGE_OFF, FST_CHALLENGE_ALL),
                         [](const auto& info) {
                             return info.param == FST_CHALLENGE_OFF ? "Unchallenged" : "Challenged";
                         });

/// All the ways in which a server ends a connection, one after another.
void end_in_every_way(const lab::Namespace& host, const Endpoint& server,
                      const lab::Namespace& client) {
    for (const lab::Ending ending :
         {lab::Ending::CloseUnread, lab::Ending::LingerZero, lab::Ending::Vanish}) {
        const lab::Server service = require(lab::Server::start(
            host, {.stop_after = 300'000, .before_ending = 20ms, .ending = ending}));
        EXPECT_EQ(
            lab::download(
                client, {.server = server, .bytes = 1'000'000, .timeout = 5s, .nudge_after = 50ms})
                .outcome,
            Outcome::Reset);
    }
    EXPECT_EQ(lab::download(client, {.server = server, .timeout = 5s}).outcome, Outcome::Refused);
}

/// On the loopback interface each packet leaves and arrives: it is seen twice.
TEST_F(StressBox, EachPacketTwiceOnLoopback) {
    const lab::Namespace& host = lab().server();
    require_ok(host.require({"ip", "link", "set", "lo", "up"}));
    watch(host, {"lo"});
    end_in_every_way(host, {host.address(), 80}, host);
    stop_without_suspects(4);
}

/// And in a capture at a point that it passes twice.
TEST_F(StressBox, EachPacketTwiceInACapture) {
    const lab::Namespace& client = lab().client();
    Recording recording(client, client.toward(lab::Side::Server).name);
    end_in_every_way(lab().server(), {lab().server().address(), 80}, client);
    EXPECT_TRUE(recording.stop());

    packet::PcapFile doubled({.nanoseconds = true});
    const auto reader =
        require(net::CaptureReader::open(require(net::open_file(recording.file())), "once.pcap"));
    for (auto frame = require(reader->next()); frame; frame = require(reader->next())) {
        for (const auto after : {0us, 3us}) {
            doubled.frame(frame->wall + after, frame->bytes, frame->original);
        }
    }
    const auto path = require(cmd::make_host_path(1024));
    const packet::Replayed replayed =
        packet::replay(std::make_unique<net::MemorySource>(doubled.bytes()), *path);
    EXPECT_GE(replayed.stats.counters[FST_COUNT_RST], 8u);
    EXPECT_EQ(replayed.stats.counters[FST_COUNT_RST_SUSPECTED], 0u);
    EXPECT_EQ(replayed.stats.counters[FST_COUNT_RST_CONFIRMED], 0u);
    for (const auto& event : replayed.of("finding")) {
        EXPECT_NE(event["finding"]["kind"], "forged-rst") << event.dump();
        EXPECT_NE(event["finding"]["kind"], "injected-segment") << event.dump();
    }
}

}  // namespace
}  // namespace flowstamp::lab
