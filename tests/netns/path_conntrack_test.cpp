// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Packets that connection tracking or NAT drops by itself: a full table, no free port. No rule is
// named for them, and the counter that shows the cause is.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <fstream>

#include "tests/netns/live_path.h"
#include "user/lab/wire.h"
#include "user/pathtrace/live/conntrack_counters.h"
#include "user/pathtrace/live/conntrack_entry.h"

namespace flowstamp::lab {
namespace {

class PathConntrack : public LivePathTest {
  protected:
    /// The report on packets that netfilter dropped at `at`, without a rule.
    pathtrace::PathReport expect_no_rule(const std::string& at, const std::string& words) {
        const auto report = path_->wait_for([&](const pathtrace::PathReport& each) {
            return each.drop && each.drop->at == at && each.drop->words.words.contains(words);
        });
        EXPECT_TRUE(report) << "not reported: " << at << ": " << words << "\nbut "
                            << testing::PrintToString(path_->reports());
        if (!report) {
            return {.drop = pathtrace::PathReport::Drop{}};
        }
        EXPECT_EQ(report->drop->reason, "NETFILTER_DROP");
        EXPECT_FALSE(report->drop->attribution) << testing::PrintToString(*report);
        return *report;
    }
    void expect_counter(const pathtrace::PathReport& report, const std::string& name,
                        std::uint64_t by) {
        ASSERT_TRUE(report.drop && report.drop->counter);
        EXPECT_EQ(report.drop->counter->name, name);
        EXPECT_EQ(report.drop->counter->by, by);
    }

    /// Fills the table of the router's namespace with entries that may not be evicted. Its size is
    /// the machine's, and can only be set in the initial namespace.
    void fill_table() {
        const auto table = router().run_in(pathtrace::read_conntrack_table);
        ASSERT_TRUE(table);
        EXPECT_FALSE(table->can_be_raised);
        constexpr std::uint64_t kAtOnce = 16384;
        for (std::uint64_t made = 0; made < table->most;) {
            std::string entries;
            for (std::uint64_t i = 0; i < kAtOnce && made < table->most; i++, made++) {
                entries += fmt::format(
                    "-I -p udp -s 192.0.2.{} -d 192.0.2.1 --sport {} --dport 9 --timeout 600 "
                    "--status ASSURED,SEEN_REPLY\n",
                    2 + made / 65535, 1 + made % 65535);
            }
            const Status added = router().require({"conntrack", "-R", "-"}, entries);
            ASSERT_TRUE(added) << added.error().message();
        }
    }

    /// A segment of the client to the server, of no connection.
    void send_segment(std::uint8_t flags, std::uint16_t port = 40000, std::uint32_t seq = 1000) {
        const lab::IpAddress from = lab().client().address(), to = lab().server().address();
        std::array<std::uint8_t, 20> segment{};
        wire::store16(segment, 0, port);
        wire::store16(segment, 2, 10174);
        wire::store32(segment, 4, seq);
        segment[12] = 5 << 4;
        segment[13] = flags;
        wire::store16(segment, 14, 1024);
        wire::store16(segment, 16, wire::tcp_checksum(from.wire(), to.wire(), segment));
        lab().client().run_in([&] {
            const Fd socket(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP));
            lab::SocketAddress peer({to, 0});
            EXPECT_EQ(
                ::sendto(socket.get(), segment.data(), segment.size(), 0, peer.get(), peer.length),
                static_cast<ssize_t>(segment.size()));
        });
    }
};

class PathNatPorts : public PathConntrack, public testing::WithParamInterface<const char*> {};

/// Two ports, both taken: the third connection and those after it are lost where their entries are
/// inserted, behind the rule that translates.
TEST_P(PathNatPorts, Exhausted) {
    const std::string tool = GetParam();
    if (tool == "nft") {
        nft(router(), R"(table ip nat {
            chain post {
                type nat hook postrouting priority 100;
                udp dport 10174 snat to 203.0.113.1:40000-40001
            }
        }
)");
    } else {
        run(router(), tool + " -t nat -A POSTROUTING -p udp --dport 10174 -j SNAT --to-source " +
                          "203.0.113.1:40000-40001");
    }
    LivePath& path = follow(router(), "udp port 10174");
    send(6);
    const auto report = expect_no_rule("postrouting", "NAT found no free port: 203.0.113.1:4000");
    EXPECT_THAT(report.drop->words.words,
                testing::ContainsRegex("is taken by 198.51.100.2:[0-9]+ > 203.0.113.2:10174"));
    EXPECT_THAT(report.drop->words.look_at, testing::HasSubstr("more ports or addresses"));
    expect_counter(report, "connection tracking's insert_failed", 4);
    const pathtrace::PathStats& stats = path.stop();
    EXPECT_EQ(stats.dropped, 4U);
    for (const pathtrace::PathReport& each : path.reports()) {
        EXPECT_FALSE(each.drop && each.drop->attribution) << testing::PrintToString(each);
    }
}

INSTANTIATE_TEST_SUITE_P(Tools, PathNatPorts,
                         testing::Values("nft", "iptables-nft", "iptables-legacy"),
                         [](const auto& tool) {
                             std::string name = tool.param;
                             std::erase(name, '-');
                             return name;
                         });

/// A chain at connection tracking's own priority has a rule that may match, without a counter. The
/// kernel's function tells that it was not the rule.
TEST_F(PathConntrack, TableFull) {
    nft(router(), R"(table ip t {
        chain pre {
            type filter hook prerouting priority -200;
            numgen inc mod 1000000 999999 drop
        }
        chain later {
            type filter hook forward priority 0;
            ct state invalid drop
        }
    }
)");
    fill_table();
    follow(router(), "udp port 10174");
    send(3);
    const auto report = expect_no_rule("prerouting", "connection tracking's table is full");
    EXPECT_THAT(report.drop->words.look_at,
                testing::ContainsRegex("sysctl -w net.netfilter.nf_conntrack_max=[0-9]+ .in the "
                                       "initial network namespace"));
    expect_counter(report, "connection tracking's drop", 3);
}

/// A rule did drop it, and it is told what connection tracking found.
TEST_F(PathConntrack, WhyInvalid) {
    nft(router(), R"(table ip t {
        chain later {
            type filter hook forward priority 0;
            ct state invalid counter drop
        }
    }
)");
    ASSERT_TRUE(router().set_sysctl("net.netfilter.nf_conntrack_tcp_loose", "0"));
    follow(router(), "tcp port 10174");
    const auto expect_words = [&](const std::string& words) {
        const auto report = path_->wait_for([&](const pathtrace::PathReport& each) {
            return each.drop && each.drop->words.words.contains(words);
        });
        ASSERT_TRUE(report) << words << "\nbut " << testing::PrintToString(path_->reports());
        ASSERT_TRUE(report->drop->attribution);
        EXPECT_THAT(report->drop->attribution->text, testing::HasSubstr("ct state invalid"));
        EXPECT_EQ(report->drop->attribution->certainty, netfilter::Certainty::certain);
        EXPECT_THAT(report->drop->words.look_at, testing::HasSubstr("nf_conntrack_log_invalid"));
        EXPECT_EQ(report->drop->counter->name, "connection tracking's invalid");
    };
    send_segment(lab::Ack);
    expect_words(
        "no connection is known for it, and one is not picked up in its middle "
        "(nf_conntrack_tcp_loose is 0)");
    send_segment(lab::Rst, 40001);
    expect_words("no connection is known for it, and one begins with a SYN");
}

/// A rule in raw sees no state at all.
TEST_F(PathConntrack, InvalidBeforeConnectionTracking) {
    nft(router(), R"(table ip t {
        chain pre {
            type filter hook prerouting priority raw;
            ct state invalid counter drop
        }
    }
)");
    follow(router(), "udp port 10174");
    send(3);
    const auto report = path_->wait_for([](const pathtrace::PathReport& each) {
        return each.drop && each.drop->attribution.has_value();
    });
    ASSERT_TRUE(report);
    EXPECT_THAT(report->drop->words.words,
                testing::HasSubstr("it stands before connection tracking"));
}

TEST_F(PathConntrack, WhyInvalidOfAKnownConnection) {
    nft(router(), R"(table ip t {
        chain later {
            type filter hook forward priority 0;
            ct state invalid counter drop
        }
    }
)");
    const lab::Server serving = require(lab::Server::start(lab().server(), {.port = 10174}));
    const auto sockets = start_connections(lab().client(), {lab().server().address(), 10174}, 1,
                                           {lab().client().address(), 40000});
    LivePath& path = follow(router(), "tcp port 10174");
    // Of two opposite numbers one lies past the window: what lies before it is data sent again, and passes.
    send_segment(lab::Ack, 40000, 1000);
    send_segment(lab::Ack, 40000, 1000 + (1U << 31));
    const auto report = path.wait_for([&](const pathtrace::PathReport& each) {
        return each.drop && each.drop->words.words.contains("its connection is known");
    });
    ASSERT_TRUE(report) << testing::PrintToString(path.reports());
    EXPECT_TRUE(report->drop->attribution);
}

/// SYNPROXY drops what answers none of its SYN cookies: its counter tells.
TEST_F(PathConntrack, SynproxyRefusesItsCookie) {
    ASSERT_TRUE(router().set_sysctl("net.netfilter.nf_conntrack_tcp_loose", "0"));
    run(router(), "iptables-nft -t raw -A PREROUTING -p tcp --syn --dport 10174 -j CT --notrack");
    run(router(),
        "iptables-nft -A FORWARD -p tcp --dport 10174 -m conntrack --ctstate INVALID,UNTRACKED "
        "-j SYNPROXY --mss 1460");
    follow(router(), "tcp port 10174");
    send_segment(lab::Ack);
    const auto report =
        path_->wait_for([](const pathtrace::PathReport& each) { return each.drop.has_value(); });
    ASSERT_TRUE(report && report->drop->attribution);
    EXPECT_THAT(report->drop->attribution->text, testing::HasSubstr("-j SYNPROXY"));
    EXPECT_EQ(report->drop->attribution->certainty, netfilter::Certainty::probable);
    expect_counter(*report, "SYNPROXY's cookie_invalid", 1);
}

/// Both ways to read the counters agree, and entries are found by either of their tuples.
TEST_F(PathConntrack, CountersAndEntriesAreRead) {
    nft(router(), R"(table ip nat {
        chain post {
            type nat hook postrouting priority 100;
            udp dport 10174 snat to 203.0.113.1:40000-40001
        }
    }
)");
    send(5);
    router().run_in([] {
        const auto counters = pathtrace::read_conntrack_counters();
        const auto netlink = pathtrace::read_ctnetlink_counters();
        ASSERT_TRUE(counters && netlink);
        EXPECT_EQ(*counters, *netlink);
        EXPECT_EQ(counters->insert_failed, 3U);
        fst_path_tuple reply{};
        reply.source[2] = reply.destination[2] = htonl(0xffff);
        reply.source[3] = htonl(0xcb007102);  // 203.0.113.2
        reply.destination[3] = htonl(0xcb007101);
        reply.source_port = htons(10174);
        reply.destination_port = htons(40000);
        reply.protocol = IPPROTO_UDP;
        const auto entry = require(pathtrace::find_conntrack_entry(reply));
        ASSERT_TRUE(entry);
        EXPECT_EQ(pathtrace::source_of(*entry).ip_text(), "198.51.100.2");
        EXPECT_EQ(pathtrace::destination_of(*entry).text(), "203.0.113.2:10174");
        EXPECT_TRUE(require(pathtrace::find_conntrack_entry(*entry)));
        reply.destination_port = htons(40002);
        EXPECT_FALSE(require(pathtrace::find_conntrack_entry(reply)));
    });
}

}  // namespace
}  // namespace flowstamp::lab
