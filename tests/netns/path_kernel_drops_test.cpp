// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Drops that are not netfilter's: which queue, which program, whose MTU. And what is no loss: packets
// freed with the socket that had received them.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sys/syscall.h>

#include <array>
#include <cstring>

#include "tests/netns/live_path.h"
#include "user/kernel/attach/interface.h"
#include "user/kernel/features/bpf_objects.h"

namespace flowstamp::lab {
namespace {

class PathKernelDrops : public LivePathTest {
  protected:
    lab::IpAddress here() { return router().toward(lab::Side::Client).ipv4; }

    /// The report on packets that were dropped for this reason, without a rule.
    pathtrace::PathReport::Drop expect_drop(const std::string& reason) {
        const auto report = path_->wait_for([&](const pathtrace::PathReport& each) {
            return each.drop && each.drop->reason == reason;
        });
        EXPECT_TRUE(report) << "not reported: " << reason;
        if (!report) {
            return {};
        }
        EXPECT_FALSE(report->drop->attribution);
        return *report->drop;
    }

    /// A datagram that must not be fragmented.
    void send_whole(std::size_t bytes) {
        lab().client().run_in([&] {
            lab::SocketAddress to({lab().server().address(), 10174});
            const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
            const int always = IP_PMTUDISC_DO;
            ::setsockopt(socket.get(), IPPROTO_IP, IP_MTU_DISCOVER, &always, sizeof(always));
            const std::vector<char> data(bytes);
            EXPECT_EQ(::sendto(socket.get(), data.data(), bytes, 0, to.get(), to.length),
                      static_cast<ssize_t>(bytes));
        });
    }
};

TEST_F(PathKernelDrops, QueueAtTheRoot) {
    run(router(), "tc qdisc add dev to-server root handle 7: tbf rate 8kbit burst 1600 limit 1600");
    LivePath& path = follow(router(), "udp port 10174");
    send(200);
    const auto drop = expect_drop("QDISC_DROP");
    EXPECT_THAT(drop.words.words, testing::EndsWith(": tbf 7:, root of to-server"));
    ASSERT_TRUE(drop.counter);
    EXPECT_EQ(drop.counter->name, "tbf 7:'s dropped");
    EXPECT_EQ(drop.counter->shown_by, "tc -s qdisc show dev to-server");
    EXPECT_GT(drop.counter->by, 0U);
    EXPECT_LE(drop.counter->by, 200U);
    EXPECT_GT(path.stop().dropped, 0U);
}

/// The outer queue counts the drops of the inner one, too: the inner one is named.
TEST_F(PathKernelDrops, QueueInAClass) {
    run(router(), "tc qdisc add dev to-server root handle 1: htb default 10");
    run(router(), "tc class add dev to-server parent 1: classid 1:10 htb rate 8kbit burst 1600");
    run(router(), "tc qdisc add dev to-server parent 1:10 handle 20: pfifo limit 2");
    follow(router(), "udp port 10174");
    send(200);
    const auto drop = expect_drop("QDISC_DROP");
    EXPECT_THAT(drop.words.words, testing::EndsWith(": pfifo 20:, parent 1:10 of to-server"));
    EXPECT_THAT(drop.words.look_at, testing::HasSubstr("a longer queue: its limit"));
    ASSERT_TRUE(drop.counter);
    EXPECT_EQ(drop.counter->name, "pfifo 20:'s dropped");
}

/// More flows at once than may be asked for in a second: one reading serves them all.
TEST_F(PathKernelDrops, QueueOfManyFlows) {
    run(router(), "tc qdisc add dev to-server root handle 1: htb default 10");
    run(router(), "tc class add dev to-server parent 1: classid 1:10 htb rate 8kbit burst 1600");
    run(router(), "tc qdisc add dev to-server parent 1:10 handle 20: pfifo limit 2");
    LivePath& path = follow(router(), "udp port 10174");
    send(400);
    EXPECT_GT(path.stop().dropped, 200U);
    for (const pathtrace::PathReport& report : path.reports()) {
        if (report.drop) {
            EXPECT_THAT(report.drop->words.words,
                        testing::EndsWith(": pfifo 20:, parent 1:10 of to-server"));
            EXPECT_TRUE(report.drop->counter);
        }
    }
}

TEST_F(PathKernelDrops, Mtu) {
    run(router(), "ip link set to-server mtu 1300");
    follow(router(), "udp port 10174");
    send_whole(1400);
    const auto drop = expect_drop("PKT_TOO_BIG");
    EXPECT_EQ(drop.words.words,
              "it has 1428 bytes and must not be fragmented, and the MTU of to-server is 1300");
    EXPECT_THAT(drop.words.look_at, testing::HasSubstr("ip link set dev to-server mtu 1428"));
}

TEST_F(PathKernelDrops, MtuOfARouteWhoseErrorIsDropped) {
    run(router(), "ip route add 203.0.113.2 dev to-server mtu 1280");
    run(router(), "iptables-nft -A OUTPUT -p icmp -j DROP");
    follow(router(), "host 198.51.100.2");
    send_whole(1400);
    const auto drop = expect_drop("PKT_TOO_BIG");
    EXPECT_EQ(drop.words.words,
              "it has 1428 bytes and must not be fragmented, and the MTU of the route through "
              "to-server is 1280; an ICMP error that says so to its sender was dropped here, too");
    EXPECT_THAT(drop.words.look_at, testing::HasSubstr("ip route get 203.0.113.2"));
}

/// A program of another, that returns a constant.
Fd load_program(bpf_prog_type type, bpf_attach_type attached, std::int32_t result,
                const char* name) {
    std::array<bpf_insn, 2> code{};
    code[0].code = BPF_ALU64 | BPF_MOV | BPF_K;  // r0 = result
    code[0].imm = result;
    code[1].code = BPF_JMP | BPF_EXIT;
    bpf_attr load{};
    load.prog_type = type;
    load.expected_attach_type = attached;
    load.insns = reinterpret_cast<std::uintptr_t>(code.data());
    load.insn_cnt = code.size();
    load.license = reinterpret_cast<std::uintptr_t>("GPL");
    std::strncpy(load.prog_name, name, sizeof(load.prog_name) - 1);
    return Fd(static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load))));
}

std::uint32_t index_of(const lab::Namespace& host, const std::string& interface) {
    return host.run_in([&] { return require(kernel::find_interface(interface)).index; });
}

TEST_F(PathKernelDrops, TcProgram) {
    const Fd program = load_program(BPF_PROG_TYPE_SCHED_CLS, BPF_TCX_EGRESS, 2, "someones_drop");
    ASSERT_TRUE(program);
    const auto link = router().run_in([&] {
        return kernel::link_tcx(program.get(), index_of(router(), "to-server"), BPF_TCX_EGRESS,
                                kernel::ChainEnd::first);
    });
    ASSERT_TRUE(link);
    follow(router(), "udp port 10174");
    send(3);
    EXPECT_THAT(expect_drop("TC_EGRESS").words.words,
                testing::ContainsRegex(
                    "to-server's program id [0-9]+, someones_drop, the only one at tc egress"));
}

TEST_F(PathKernelDrops, XdpProgram) {
    const Fd program = load_program(BPF_PROG_TYPE_XDP, BPF_XDP, XDP_DROP, "someones_xdp");
    ASSERT_TRUE(program);
    const auto link = router().run_in([&] {
        return kernel::link_xdp(program.get(), index_of(router(), "to-client"), XDP_FLAGS_SKB_MODE);
    });
    ASSERT_TRUE(link);
    follow(router(), "udp port 10174");
    // The neighbour's answers would be dropped, too.
    run(lab().client(), fmt::format("ip neigh replace {} lladdr {} dev to-router1", here().text(),
                                    router().toward(lab::Side::Client).mac.text()));
    send(3);
    EXPECT_THAT(
        expect_drop("NOT_SPECIFIED").words.words,
        testing::ContainsRegex("the XDP program of to-client dropped it: id [0-9]+, someones_xdp"));
}

/// The protocols' own counters, of this namespace.
TEST_F(PathKernelDrops, CountersOfTheProtocols) {
    const Fd socket = udp_socket(router(), {here(), 1001}, ReceiveBuffer::smallest);
    send_datagrams(lab().client(), here(), 1002, 2);  // before the run
    follow(router(), "udp");
    send_datagrams(lab().client(), here(), 1002, 1);
    const auto closed = expect_drop("NO_SOCKET");
    ASSERT_TRUE(closed.counter);
    EXPECT_EQ(*closed.counter,
              (pathtrace::CounterIncrease{"UdpNoPorts", 1, "nstat -az UdpNoPorts"}));
    send_datagrams(lab().client(), here(), 1001, 20);
    const auto full = expect_drop("SOCKET_RCVBUFF");
    ASSERT_TRUE(full.counter);
    EXPECT_EQ(full.counter->name, "UdpRcvbufErrors");
    EXPECT_GT(full.counter->by, 0U);
}

/// UDP has counted a datagram without a socket: that is no TCP segment's cause.
TEST_F(PathKernelDrops, CounterOfAnotherProtocol) {
    LivePath& path = follow(router(), "port 1002");
    send_datagrams(lab().client(), here(), 1002, 1);
    EXPECT_TRUE(expect_drop("NO_SOCKET").counter);
    const auto sockets = start_connections(lab().client(), {here(), 1002}, 1);
    const auto refused = path.wait_for([](const pathtrace::PathReport& each) {
        return each.drop && each.name.protocol == IPPROTO_TCP;
    });
    ASSERT_TRUE(refused) << testing::PrintToString(path.reports());
    EXPECT_EQ(refused->drop->reason, "NO_SOCKET");
    EXPECT_FALSE(refused->drop->counter) << refused->drop->counter->name;
}

/// The server closes first: the client's FIN is freed with the server's socket.
TEST_F(PathKernelDrops, FinAfterTheSocketWasClosedIsNoLoss) {
    const Fd listener = listening_socket(router(), {here(), 1001}, 5);
    LivePath& path = follow(router(), "tcp port 1001");
    auto sockets = start_connections(lab().client(), {here(), 1001}, 1);
    const auto is_reply = [](const pathtrace::PathReport& each) { return each.is_reply; };
    ASSERT_TRUE(path.wait_for(is_reply));
    Fd(::accept(listener.get(), nullptr, nullptr)).reset();
    std::array<char, 1> data;
    while (::recv(sockets.front().get(), data.data(), data.size(), 0) < 0) {
        std::this_thread::sleep_for(1ms);  // the server's FIN is on its way
    }
    sockets.clear();
    std::this_thread::sleep_for(50ms);
    const pathtrace::PathStats& stats = path.stop();
    EXPECT_EQ(stats.dropped, 0U) << testing::PrintToString(path.reports());
    EXPECT_GE(stats.delivered, 3U);  // SYN, ACK, FIN; mostly an ACK for the server's FIN
}

/// Keepalives are answered, as segments before the window.
TEST_F(PathKernelDrops, KeepalivesAreNoLoss) {
    const Fd listener = listening_socket(router(), {here(), 1001}, 5);
    LivePath& path = follow(router(), "tcp port 1001");
    const auto sockets = start_connections(lab().client(), {here(), 1001}, 1);
    const Fd accepted(::accept(listener.get(), nullptr, nullptr));
    const int on = 1, second = 1;
    const int fd = sockets.front().get();
    ASSERT_EQ(setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &second, sizeof(second)), 0);
    ASSERT_EQ(setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &second, sizeof(second)), 0);
    ASSERT_EQ(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)), 0);
    std::this_thread::sleep_for(2500ms);
    const pathtrace::PathStats& stats = path.stop();
    EXPECT_EQ(stats.dropped, 0U) << testing::PrintToString(path.reports());
    EXPECT_GE(stats.delivered, 4U);  // SYN, ACK, two keepalives
}

TEST_F(PathKernelDrops, ForwardingIsOff) {
    ASSERT_TRUE(router().set_sysctl("net.ipv4.ip_forward", "0"));
    LivePath& path = follow(router(), "udp port 1001");
    send(1, 1001);
    const auto report = path.wait_for(pathtrace::PacketPath::End::dropped);
    ASSERT_TRUE(report);
    EXPECT_THAT(report->drop->words.words, ::testing::HasSubstr("forwarding is off"));
    EXPECT_THAT(report->drop->words.look_at, ::testing::HasSubstr("net.ipv4.ip_forward"));
    path.stop();
}

TEST_F(PathKernelDrops, UnreadDatagramsAreNoLoss) {
    Fd socket = udp_socket(router(), {here(), 1001});
    LivePath& path = follow(router(), "udp port 1001");
    send_datagrams(lab().client(), here(), 1001, 3);
    socket.reset();
    const pathtrace::PathStats& stats = path.stop();
    EXPECT_EQ(stats.dropped, 0U) << testing::PrintToString(path.reports());
    EXPECT_EQ(stats.delivered, 3U);
}

}  // namespace
}  // namespace flowstamp::lab
