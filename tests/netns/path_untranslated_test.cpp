// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Stray segments of a translated connection, which no NAT rule applies to any more: they leave the
// router with the private address.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "tests/netns/live_path.h"
#include "tests/support/packet.h"
#include "user/lab/server.h"
#include "user/lab/socket.h"

namespace flowstamp::lab {
namespace {

using ::testing::HasSubstr;

class PathUntranslated : public LivePathTest {
  protected:
    void SetUp() override {
        LivePathTest::SetUp();
        if (IsSkipped()) {
            return;
        }
        run(router(), "iptables-nft -t nat -A POSTROUTING -o to-server -j MASQUERADE");
        server_.emplace(require(lab::Server::start(lab().server(), {})));
    }
    /// A connection of the client that stays open, once it is reported as translated.
    Fd connect_through(LivePath& path) {
        Fd socket = lab().client().run_in([&] {
            return require(lab::connect_tcp({lab().server().address(lab::Family::V4), 80},
                                            {.deadline = lab::SteadyClock::now() + 5s}));
        });
        EXPECT_TRUE(path.wait_for(&is_translated)) << ::testing::PrintToString(path.reports());
        return socket;
    }
    static bool is_translated(const pathtrace::PathReport& report) {
        return report.end == pathtrace::PacketPath::End::left && !report.is_reply &&
               report.translated;
    }
    static bool is_stray(const pathtrace::PathReport& report) {
        return !report.is_reply && report.untranslated;
    }
    /// The report about the client's stray segment, which came and left with its own address.
    pathtrace::PathReport expect_stray(LivePath& path, const std::string& why) {
        const auto report = path.wait_for(&is_stray);
        EXPECT_TRUE(report) << ::testing::PrintToString(path.reports());
        if (!report) {
            return {};
        }
        EXPECT_EQ(report->end, pathtrace::PacketPath::End::left);
        EXPECT_FALSE(report->translated);
        EXPECT_EQ(pathtrace::source_of(report->name).ip_text(),
                  lab().client().address(lab::Family::V4).text());
        EXPECT_EQ(pathtrace::source_of(report->latest.tuple), pathtrace::source_of(report->name));
        EXPECT_THAT(*report->untranslated, HasSubstr(why));
        return *report;
    }

    /// A segment of the connection far beyond its window. `latest`: one of the client's.
    void send_outside_the_window(const Fd& socket, const fst_path_event& latest) {
        sockaddr_in own{};
        socklen_t length = sizeof(own);
        ASSERT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own), &length), 0);
        const std::string server = lab().server().address(lab::Family::V4).text();
        const testing::Packet packet =
            testing::Ethernet{} /
            testing::Ipv4{.src = lab().client().address(lab::Family::V4).text(), .dst = server} /
            testing::Tcp{.src_port = ntohs(own.sin_port),
                         .dst_port = 80,
                         .seq = latest.seq + 0x20000000,
                         .ack = latest.ack};
        const auto frame = packet.bytes();
        lab().client().run_in([&] {
            const Fd raw(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
            const lab::SocketAddress to({lab().server().address(lab::Family::V4), 0});
            constexpr std::size_t kEthernetBytes = 14;
            EXPECT_GT(::sendto(raw.get(), frame.data() + kEthernetBytes,
                               frame.size() - kEthernetBytes, 0, to.get(), to.length),
                      0);
        });
    }

  private:
    std::optional<lab::Server> server_;
};

TEST_F(PathUntranslated, SegmentWithoutItsConntrackEntryIsToldApart) {
    ASSERT_TRUE(router().set_sysctl("net.netfilter.nf_conntrack_tcp_loose", "0"));
    LivePath& path = follow(router(), "tcp port 80");
    Fd socket = connect_through(path);
    const auto before = path.wait_for(&is_translated);
    run(router(), "conntrack -D -p tcp");
    socket.reset();  // its FIN is the stray segment
    const pathtrace::PathReport stray = expect_stray(path, "no conntrack entry");
    EXPECT_EQ(stray.flow, before->flow);
    const pathtrace::PathStats& stats = path.stop();
    // Those before it are still told as translated, and none of them twice.
    std::uint64_t translated = 0, strays = 0;
    for (const pathtrace::PathReport& each : path.reports()) {
        translated = is_translated(each) ? std::max(translated, each.packets) : translated;
        strays = is_stray(each) ? std::max(strays, each.packets) : strays;
    }
    EXPECT_EQ(translated, 2U);  // SYN and ACK
    EXPECT_GE(strays, 1U);
    EXPECT_EQ(stats.dropped, 0U);
}

TEST_F(PathUntranslated, SegmentOutsideTheWindowIsToldApart) {
    ASSERT_TRUE(router().set_sysctl("net.netfilter.nf_conntrack_tcp_be_liberal", "0"));
    LivePath& path = follow(router(), "tcp port 80");
    Fd socket = connect_through(path);
    const auto before = path.wait_for(&is_translated);
    ASSERT_TRUE(before);
    send_outside_the_window(socket, before->latest);
    expect_stray(path, "no conntrack entry");
}

TEST_F(PathUntranslated, ConnectionThatIsNotTrackedAnyMoreIsToldApart) {
    LivePath& path = follow(router(), "tcp port 80");
    Fd socket = connect_through(path);
    run(router(), "iptables-nft -t raw -A PREROUTING -p tcp -j NOTRACK");
    socket.reset();
    expect_stray(path, "excludes it from connection tracking");
}

}  // namespace
}  // namespace flowstamp::lab
