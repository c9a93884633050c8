// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Drops without a rule: the kernel's own reason is explained, with what to look at, and no rule is
// named.
#include <gtest/gtest.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>

#include <array>

#include "tests/netns/live_path.h"

namespace flowstamp::lab {
namespace {

struct Datagrams {
    unsigned count = 3;
    std::size_t bytes = 1;
    int ttl = 64;
    const char* from = "0.0.0.0";
};

class PathReasons : public LivePathTest {
  protected:
    lab::IpAddress here() { return router().toward(lab::Side::Client).ipv4; }

    void send_to(const lab::IpAddress& to, std::uint16_t port, const Datagrams& wanted = {}) {
        lab().client().run_in([&] {
            lab::SocketAddress peer({to, port});
            const bool v6 = to.family == lab::Family::V6;
            const std::vector<char> data(wanted.bytes);
            for (unsigned i = 0; i < wanted.count; ++i) {
                const Fd socket(::socket(peer.get()->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
                ::setsockopt(socket.get(), v6 ? IPPROTO_IPV6 : IPPROTO_IP,
                             v6 ? IPV6_UNICAST_HOPS : IP_TTL, &wanted.ttl, sizeof(wanted.ttl));
                if (!v6) {
                    lab::SocketAddress own({lab::IpAddress::of(wanted.from), 0});
                    EXPECT_EQ(::bind(socket.get(), own.get(), own.length), 0);
                }
                EXPECT_EQ(
                    ::sendto(socket.get(), data.data(), data.size(), 0, peer.get(), peer.length),
                    static_cast<ssize_t>(data.size()));
            }
        });
    }

    void set_router(const std::string& key, const std::string& value) {
        const Status set = router().set_sysctl(key, value);
        ASSERT_TRUE(set) << set.error().message();
    }
};

TEST_F(PathReasons, NoRoute) {
    run(lab().client(), "ip address add 192.0.2.77/32 dev lo");
    run(router(), "ip route add unreachable 192.0.2.88");
    set_router("net.ipv4.conf.to-client.rp_filter", "1");
    follow(router(), "udp");

    send_to(lab().server().address(), 1001, {.from = "192.0.2.77"});
    expect_reason("prerouting", "IP_RPFILTER", "reverse path filter",
                  "net.ipv4.conf.to-client.rp_filter; ip route get 192.0.2.77");

    send_to(lab::IpAddress::of("192.0.2.99"), 1002);
    expect_reason("prerouting", "IP_INNOROUTES", "no route",
                  "ip route get 192.0.2.99 from 198.51.100.2 iif to-client", 1002);

    send_to(lab::IpAddress::of("192.0.2.88"), 1003);
    const auto refused = path_->wait_for([](const pathtrace::PathReport& each) {
        return each.drop && pathtrace::destination_of(each.name).port == 1003;
    });
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->drop->at, "prerouting");
    EXPECT_FALSE(refused->drop->attribution);
    EXPECT_THAT(refused->drop->words.words, testing::HasSubstr("rout"));
    EXPECT_THAT(refused->drop->words.look_at, testing::HasSubstr("ip route get 192.0.2.88"));
}

TEST_F(PathReasons, TtlExceeded) {
    follow(router(), "udp");
    send_to(lab().server().address(), 1001, {.ttl = 1});
    expect_reason("prerouting", "IP_INHDR", "TTL (hop limit) ran out here",
                  "traceroute 203.0.113.2");
    send_to(lab().server().address(lab::Family::V6), 1002, {.ttl = 1});
    expect_reason("prerouting", "IP_INHDR", "TTL (hop limit) ran out here",
                  "traceroute 2001:db8:113::2", 1002);
}

TEST_F(PathReasons, ClosedPort) {
    follow(router(), "host 198.51.100.2");
    send_to(here(), 1001);
    expect_reason("input", "NO_SOCKET", "no socket", "ss -lntu", 1001);
    const auto sockets = start_connections(lab().client(), {here(), 1002});
    EXPECT_EQ(expect_reason("input", "NO_SOCKET", "no socket", "ss -lntu", 1002).name.protocol,
              IPPROTO_TCP);
}

TEST_F(PathReasons, ReceiveBufferFull) {
    const Fd socket = udp_socket(router(), {here(), 1001}, ReceiveBuffer::smallest);
    follow(router(), "udp");
    send_to(here(), 1001, {.count = 20, .bytes = 1000});
    expect_reason("input", "SOCKET_RCVBUFF", "receive buffer is full", "sysctl net.core.rmem_max");
}

/// A delivered packet stays so, even if its socket is closed without reading it.
TEST_F(PathReasons, UnreadDataIsDelivered) {
    std::optional<Fd> socket = router().run_in([&] {
        Fd made(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        lab::SocketAddress own({here(), 1001});
        EXPECT_EQ(::bind(made.get(), own.get(), own.length), 0);
        return made;
    });
    LivePath& path = follow(router(), "udp");
    send_to(here(), 1001);
    EXPECT_TRUE(path.wait_for(pathtrace::PacketPath::End::delivered));
    const auto is_complete = [](const pathtrace::PathReport& each) { return each.packets == 3; };
    path.wait_for(is_complete, 1s);
    socket.reset();
    const pathtrace::PathStats& stats = path.stop();
    EXPECT_EQ(stats.delivered, 3U);
    EXPECT_EQ(stats.dropped, 0U) << testing::PrintToString(path.reports());
}

class PathBacklog : public PathReasons {
  protected:
    /// A listener that never accepts.
    Fd listen(int backlog) { return listening_socket(router(), {here(), 1001}, backlog); }
    /// Blocks, or unblocks, the end of the client's handshakes.
    void hold(bool on) {
        run(lab().client(), std::string("iptables-legacy ") + (on ? "-A" : "-D") +
                                " INPUT -p tcp --dport 40001:40002 --tcp-flags SYN,ACK SYN,ACK "
                                "-j DROP");
    }
    void start_connection_from(std::uint16_t port) {
        auto one =
            start_connections(lab().client(), {here(), 1001}, 1, {lab().client().address(), port});
        std::ranges::move(one, std::back_inserter(connections_));
    }
    void wait_for_answer_to(std::uint16_t port) {
        EXPECT_TRUE(path_->wait_for([&](const pathtrace::PathReport& each) {
            return each.is_reply && pathtrace::destination_of(each.name).port == port;
        }));
    }
    std::vector<Fd> connections_;
};

/// Two handshakes begin while there is room in the queue, and end when others have filled it.
TEST_F(PathBacklog, AcceptQueueFull) {
    const Fd listener = listen(2);
    hold(true);
    follow(router(), "tcp port 1001");
    for (const std::uint16_t port : {40001, 40002, 40003, 40004, 40005}) {
        start_connection_from(port);
        wait_for_answer_to(port);
    }
    hold(false);
    expect_reason("input", "TCP_LISTEN_OVERFLOW", "accept queue is full",
                  "sysctl net.core.somaxconn");
}

/// With SYN cookies handshakes end with the clients' first data. The kernel reports "no socket" for
/// those that do not fit the queue.
TEST_F(PathBacklog, AcceptQueueFullWithSynCookies) {
    set_router("net.ipv4.tcp_syncookies", "2");
    const Fd listener = listen(0);
    const std::string hold = " OUTPUT -p tcp --dport 1001 --tcp-flags SYN,ACK ACK -j DROP";
    run(lab().client(), "iptables-legacy -A" + hold);
    follow(router(), "tcp port 1001");
    for (const std::uint16_t port : {40001, 40002, 40003}) {
        start_connection_from(port);
        wait_for_answer_to(port);
    }
    run(lab().client(), "iptables-legacy -D" + hold);
    for (const Fd& socket : connections_) {
        EXPECT_EQ(::send(socket.get(), "x", 1, MSG_NOSIGNAL), 1);
    }
    expect_reason("input", "NO_SOCKET", "accept queue is full", "sysctl net.core.somaxconn");
}

TEST_F(PathReasons, WrongChecksum) {
    follow(router(), "tcp port 1001");
    struct {
        iphdr ip{};
        tcphdr tcp{};
    } packet;
    const auto address = [](const lab::IpAddress& ip) {
        std::uint32_t bytes = 0;
        std::copy_n(ip.bytes.begin(), sizeof(bytes), reinterpret_cast<std::uint8_t*>(&bytes));
        return bytes;
    };
    packet.ip.version = 4;
    packet.ip.ihl = 5;
    packet.ip.ttl = 64;
    packet.ip.protocol = IPPROTO_TCP;
    packet.ip.saddr = address(lab().client().address());
    packet.ip.daddr = address(here());
    packet.tcp.source = htons(40000);
    packet.tcp.dest = htons(1001);
    packet.tcp.doff = 5;
    packet.tcp.syn = 1;
    packet.tcp.check = htons(0xbad);
    lab().client().run_in([&] {
        const Fd socket(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
        lab::SocketAddress to({here(), 0});
        EXPECT_EQ(::sendto(socket.get(), &packet, sizeof(packet), 0, to.get(), to.length),
                  static_cast<ssize_t>(sizeof(packet)));
    });
    expect_reason("input", "TCP_CSUM", "TCP checksum is wrong", "ethtool -k to-client");
}

/// It waits long for the next hop's answer, and is still the same packet when it is dropped.
TEST_F(PathReasons, NextHopDoesNotAnswer) {
    set_router("net.ipv4.neigh.to-server.retrans_time_ms", "300");
    LivePath& path = follow(router(), "udp");
    send_to(lab::IpAddress::of("203.0.113.99"), 1001);
    const pathtrace::PathReport report = expect_reason(
        "postrouting", "NEIGH_FAILED", "next hop does not answer", "ip route get 203.0.113.99");
    ASSERT_FALSE(report.steps.empty());
    EXPECT_EQ(report.steps.front().at, "to-client in");
    EXPECT_EQ(path.stop().unknown, 0U) << testing::PrintToString(path.reports());
}

/// A rule without a counter is where the kernel drops packets by itself: it is not named.
TEST_F(PathReasons, RuleWithoutCounterIsNotNamed) {
    nft(router(), R"(table netdev guard {
        chain c {
            type filter hook ingress device "to-client" priority 0; policy accept;
            udp dport 7 drop
        }
    }
)");
    run(router(), "ip link set to-client address 02:00:00:00:99:99");
    LivePath& path = follow(router(), "udp");
    send_to(lab().server().address(), 1001);
    const auto report =
        path.wait_for([](const pathtrace::PathReport& each) { return each.drop.has_value(); });
    ASSERT_TRUE(report);
    EXPECT_EQ(report->drop->reason, "OTHERHOST");
    EXPECT_FALSE(report->drop->attribution) << testing::PrintToString(*report);
}

}  // namespace
}  // namespace flowstamp::lab
