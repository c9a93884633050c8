// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Behind "delivered": who holds the socket, and why there is no answer.
#include <gtest/gtest.h>

#include "tests/netns/live_path.h"
#include "user/pathtrace/live/deliveries.h"

namespace flowstamp::lab {
namespace {

using Kind = pathtrace::Delivery::Cause::Kind;

class PathDeliveries : public LivePathTest {
  protected:
    lab::IpAddress here() { return router().toward(lab::Side::Client).ipv4; }

    Fd listen(int backlog) { return listening_socket(router(), {here(), 1001}, backlog); }
    Fd bind_udp() { return udp_socket(router(), {here(), 1001}); }
    /// The client has an address more, and sends from it.
    void send_from(const char* address) {
        lab().client().run_in([&] {
            lab::SocketAddress own({lab::IpAddress::of(address), 0}), to({here(), 1001});
            const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
            EXPECT_EQ(::bind(socket.get(), own.get(), own.length), 0);
            EXPECT_EQ(::sendto(socket.get(), "x", 1, 0, to.get(), to.length), 1);
        });
    }
    void wait_for_delivered(std::uint64_t flows) {
        const auto count = [&] {
            return std::ranges::count_if(path_->reports(), [](const pathtrace::PathReport& each) {
                return each.end == pathtrace::PacketPath::End::delivered && !each.is_reply;
            });
        };
        const auto deadline = std::chrono::steady_clock::now() + LivePath::kTimeout;
        while (count() < static_cast<long>(flows) && std::chrono::steady_clock::now() < deadline) {
            std::this_thread::sleep_for(10ms);
        }
    }
    /// What is known at the end, of the last flow of which anything is.
    pathtrace::Delivery at_the_end() {
        path_->stop();
        const auto reports = path_->reports();
        const auto found = std::find_if(
            reports.rbegin(), reports.rend(),
            [](const pathtrace::PathReport& each) { return each.delivery.has_value(); });
        EXPECT_NE(found, reports.rend()) << "nothing was said";
        return found == reports.rend() ? pathtrace::Delivery{} : *found->delivery;
    }
    /// It is held by the process of this test.
    static void expect_held(const pathtrace::Delivery& delivery, const std::string& state) {
        EXPECT_EQ(delivery.state, state);
        ASSERT_FALSE(delivery.processes.empty());
        EXPECT_TRUE(std::ranges::any_of(delivery.processes, [](const auto& process) {
            return process.pid == ::getpid() &&
                   std::string("flowstamp_netns_tests").starts_with(process.name);
        })) << delivery.processes.front().name;
    }
};

/// It reads later, or never: nothing speaks against an answer, and no cause is invented.
TEST_F(PathDeliveries, WhoHoldsTheSocket) {
    const Fd socket = bind_udp();
    follow(router(), "udp port 1001");
    send_datagrams(lab().client(), here(), 1001, 1);
    wait_for_delivered(1);
    const pathtrace::Delivery delivery = at_the_end();
    EXPECT_FALSE(delivery.is_answered);
    expect_held(delivery, "UNCONN");
    EXPECT_TRUE(delivery.causes.empty()) << delivery.causes.front().words;
}

TEST_F(PathDeliveries, AcceptQueueFull) {
    const Fd listener = listen(1);
    follow(router(), "tcp port 1001");
    const auto sockets = start_connections(lab().client(), {here(), 1001}, 5);
    wait_for_delivered(5);
    const pathtrace::Delivery delivery = at_the_end();
    EXPECT_FALSE(delivery.is_answered);
    expect_held(delivery, "LISTEN");
    ASSERT_EQ(delivery.causes.size(), 1U);
    EXPECT_EQ(delivery.causes[0].kind, Kind::accept_queue_full);
    EXPECT_THAT(
        delivery.causes[0].words,
        testing::ContainsRegex("2 wait to be accepted, of at most 1 .ListenOverflows moved by"));
    EXPECT_THAT(delivery.causes[0].look_at, testing::HasSubstr("net.core.somaxconn"));
}

TEST_F(PathDeliveries, NoRouteBack) {
    run(lab().client(), "ip address add 192.0.2.77/32 dev lo");
    const Fd socket = bind_udp(), listener = listen(5);
    follow(router(), "port 1001");
    send_from("192.0.2.77");
    wait_for_delivered(1);
    const auto sockets = start_connections(lab().client(), {here(), 1001}, 1,
                                           {lab::IpAddress::of("192.0.2.77"), 40000});
    wait_for_delivered(2);
    path_->stop();
    for (const std::string state : {"UNCONN", "LISTEN"}) {
        const auto reports = path_->reports();
        const auto found = std::ranges::find_if(reports, [&](const pathtrace::PathReport& each) {
            return each.delivery && each.delivery->state == state;
        });
        ASSERT_NE(found, reports.end()) << state;
        ASSERT_EQ(found->delivery->causes.size(), 1U);
        EXPECT_EQ(found->delivery->causes[0].kind, Kind::no_way_back);
        EXPECT_EQ(found->delivery->causes[0].words, "no route back to 192.0.2.77");
    }
}

TEST_F(PathDeliveries, RefusedOrOtherWayBack) {
    run(lab().client(), "ip address add 192.0.2.77/32 dev lo");
    run(lab().client(), "ip address add 192.0.2.78/32 dev lo");
    run(router(), "ip route add blackhole 192.0.2.77");
    run(router(), "ip route add 192.0.2.78 via 203.0.113.2 dev to-server");
    const Fd socket = bind_udp();
    follow(router(), "udp port 1001");
    send_from("192.0.2.78");
    wait_for_delivered(1);
    const pathtrace::Delivery other = at_the_end();
    ASSERT_EQ(other.causes.size(), 1U);
    EXPECT_EQ(other.causes[0].kind, Kind::other_way_back);
    EXPECT_THAT(other.causes[0].words,
                testing::HasSubstr("leaves through to-server, but it came in through to-client"));
    follow(router(), "udp port 1001");
    send_from("192.0.2.77");
    wait_for_delivered(1);
    const pathtrace::Delivery refused = at_the_end();
    ASSERT_EQ(refused.causes.size(), 1U);
    EXPECT_THAT(refused.causes[0].words, testing::HasSubstr("routing refuses the way back"));
}

/// The program accepts, and never reads.
TEST_F(PathDeliveries, ZeroWindow) {
    const Fd listener = listen(5);
    follow(router(), "tcp port 1001");
    const auto sockets = start_connections(lab().client(), {here(), 1001}, 1);
    const Fd accepted(::accept(listener.get(), nullptr, nullptr));
    ASSERT_TRUE(accepted);
    const std::vector<char> data(1 << 16);
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    for (auto last = std::chrono::steady_clock::now();
         std::chrono::steady_clock::now() - last < 500ms &&
         std::chrono::steady_clock::now() < deadline;) {
        if (::send(sockets.front().get(), data.data(), data.size(), MSG_DONTWAIT) > 0) {
            last = std::chrono::steady_clock::now();
        }
    }
    const pathtrace::Delivery delivery = at_the_end();
    EXPECT_TRUE(delivery.is_answered);
    expect_held(delivery, "ESTAB");
    ASSERT_EQ(delivery.causes.size(), 1U);
    EXPECT_EQ(delivery.causes[0].kind, Kind::zero_window);
    EXPECT_THAT(delivery.causes[0].words,
                testing::ContainsRegex("zero for at most [0-9.]+ s, since its last data came: the "
                                       "program has not read [0-9]+ bytes"));
}

TEST_F(PathDeliveries, NoRouteBackByIpv6) {
    run(lab().client(), "ip address add 2001:db8:77::1/128 dev lo");
    const lab::IpAddress here6 = router().toward(lab::Side::Client).ipv6;
    const Fd socket = router().run_in([&] {
        Fd made(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        lab::SocketAddress own({here6, 1001});
        EXPECT_EQ(::bind(made.get(), own.get(), own.length), 0);
        return made;
    });
    follow(router(), "udp port 1001");
    lab().client().run_in([&] {
        lab::SocketAddress own({lab::IpAddress::of("2001:db8:77::1"), 0}), to({here6, 1001});
        const Fd sender(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::bind(sender.get(), own.get(), own.length), 0);
        EXPECT_EQ(::sendto(sender.get(), "x", 1, 0, to.get(), to.length), 1);
    });
    wait_for_delivered(1);
    const pathtrace::Delivery delivery = at_the_end();
    expect_held(delivery, "UNCONN");
    ASSERT_EQ(delivery.causes.size(), 1U);
    EXPECT_EQ(delivery.causes[0].words, "no route back to 2001:db8:77::1");
}

/// With a filter for one direction answers are not followed: then none is missed.
TEST_F(PathDeliveries, NothingIsMissedIfAnswersAreNotFollowed) {
    const Fd socket = bind_udp();
    follow(router(), "udp dst port 1001");
    send_datagrams(lab().client(), here(), 1001, 1);
    wait_for_delivered(1);
    path_->stop();
    for (const pathtrace::PathReport& each : path_->reports()) {
        EXPECT_FALSE(each.delivery);
    }
}

/// Answered packets need no explanation; and unanswered ones get theirs before the end.
TEST_F(PathDeliveries, IsSaidOnceItIsKnown) {
    const Fd listener = listen(5), socket = bind_udp();
    LivePath& path = follow(router(), "port 1001");
    const auto sockets = start_connections(lab().client(), {here(), 1001}, 1);
    send_datagrams(lab().client(), here(), 1001, 1);
    const auto report =
        path.wait_for([](const pathtrace::PathReport& each) { return each.delivery.has_value(); });
    ASSERT_TRUE(report);
    EXPECT_EQ(report->name.protocol, IPPROTO_UDP);
    path.stop();
    const auto said = std::ranges::count_if(path.reports(), [](const pathtrace::PathReport& each) {
        return each.delivery.has_value();
    });
    EXPECT_EQ(said, 1);
}

}  // namespace
}  // namespace flowstamp::lab
