// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/routing_loop.h"

#include <gtest/gtest.h>

#include "tests/support/packet.h"
#include "tests/unit/analysis_bench.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

constexpr const char* kOtherRouter = "00:00:5e:00:53:0b";
constexpr const char* kThirdRouter = "00:00:5e:00:53:0c";

struct RoutingLoopTest : ::testing::Test {
    /// The packet once more, a router later.
    void next_hop(Conversation& talk, Segment& packet, const std::string& mac) {
        talk.pass_us(500);
        packet.ttl--;
        packet.mac = mac;
        talk.send(packet);
    }
    /// Between two routers, as seen on the link between them: from either in turn.
    void loop(Conversation& talk, Segment packet, int times) {
        const std::string mac = packet.mac;
        talk.send(packet);
        for (int i = 0; i < times; i++) {
            next_hop(talk, packet, i % 2 == 0 ? kOtherRouter : mac);
        }
    }
    /// An ICMP error of a router about our segment.
    void report_icmp(const Conversation& talk, std::uint8_t type, std::uint8_t code) {
        const Tcp ours{.src_port = talk.port(End::us),
                       .dst_port = talk.port(End::peer),
                       .seq = talk.edge(End::us)};
        const Bytes error =
            (Ethernet{} / Ipv4{.src = "203.0.113.9", .dst = "192.0.2.1", .ttl = 61} /
             Icmp{.type = type, .code = code} / Quoted(Ethernet{} / Ipv4{} / ours, 28))
                .bytes();
        bench.rig().run(FST_HOOK_XDP, {.bytes = error});
    }
    std::string latest_summary() { return output::summary_text(bench.findings().back()); }

    AnalysisBench bench;
    Conversation talk{bench.rig(), FST_HOOK_XDP};
};

TEST_F(RoutingLoopTest, ASynThatGoesRound) {
    const Segment syn = talk.next(End::us, Syn);
    loop(talk, syn, 2);
    ASSERT_EQ(bench.findings_text(), "routing-loop confirmed");
    EXPECT_NE(latest_summary().find("A packet from 192.0.2.1 to 198.51.100.7 passes eth1 again and "
                                    "again, each time with a lower TTL"),
              std::string::npos)
        << latest_summary();
    const analysis::Value* ttls =
        bench.findings()[0].evidence.at(0).observed.find(analysis::Field::ttls);
    ASSERT_NE(ttls, nullptr);
    EXPECT_EQ(*ttls, analysis::Value(std::vector<std::uint64_t>{64, 63, 62}));
}

TEST_F(RoutingLoopTest, UntilItsTtlRunsOutItIsReportedOnce) {
    loop(talk, talk.next(End::us, Syn), 60);
    EXPECT_EQ(bench.findings_text(), "routing-loop confirmed");
}

/// The route broke while the connection stood.
TEST_F(RoutingLoopTest, DataThatGoesRound) {
    talk.open().exchange(3);
    loop(talk, talk.next(End::peer, Psh | Ack, 100), 2);
    ASSERT_EQ(bench.findings_text(), "routing-loop confirmed");
    EXPECT_NE(latest_summary().find("from 198.51.100.7 to 192.0.2.1"), std::string::npos)
        << latest_summary();
}

TEST_F(RoutingLoopTest, AllConnectionsBetweenTwoHostsAreOneFinding) {
    loop(talk, talk.next(End::us, Syn), 2);
    Setting setting;
    setting.us.isn = 0x22222222;
    Conversation other(bench.rig(), FST_HOOK_XDP, setting);
    loop(other, other.next(End::us, Syn), 2);
    EXPECT_EQ(bench.findings_text(), "routing-loop confirmed");
}

/// A router on a stick: in and out by one interface.
TEST_F(RoutingLoopTest, OncePastARouterIsNotReported) {
    loop(talk, talk.next(End::us, Syn), 1);
    talk.pass_us(20'000);
    loop(talk, talk.next(End::peer, Syn | Ack), 1);
    talk.pass_us(100);
    loop(talk, talk.next(End::us), 1);
    EXPECT_EQ(bench.findings_text(), "");
}

/// A capture on all interfaces of a host with several routers in it.
TEST_F(RoutingLoopTest, ThreeLinksInARowAreNotReported) {
    talk.open().exchange(3);
    Segment data = talk.next(End::peer, Psh | Ack, 100);
    talk.send(data);
    next_hop(talk, data, kOtherRouter);
    next_hop(talk, data, kThirdRouter);
    EXPECT_EQ(bench.findings_text(), "");
}

TEST_F(RoutingLoopTest, CopiesWithOneTtlAreNotReported) {
    talk.open().exchange(3);
    const Segment data = talk.next(End::peer, Psh | Ack, 100);
    for (int i = 0; i < 5; i++) {
        talk.send(data);
        talk.pass_us(500);
    }
    EXPECT_EQ(bench.findings_text(), "");
}

TEST_F(RoutingLoopTest, ARouterSaysThatTheTtlRanOut) {
    talk.send(End::us, Syn);
    report_icmp(talk, 11, 0);
    ASSERT_EQ(bench.findings_text(), "routing-loop suspected");
    EXPECT_NE(latest_summary().find("203.0.113.9 says that packets from 192.0.2.1 to 198.51.100.7 "
                                    "ran out of TTL on the way"),
              std::string::npos)
        << latest_summary();
    EXPECT_NE(output::advice_text(bench.findings()[0]).find("the routes to 198.51.100.7"),
              std::string::npos)
        << output::advice_text(bench.findings()[0]);
    report_icmp(talk, 11, 0);
    EXPECT_EQ(bench.findings().size(), 1U) << "once";
}

TEST_F(RoutingLoopTest, ThePacketsThemselvesConfirmIt) {
    talk.open().exchange(3);
    report_icmp(talk, 11, 0);
    loop(talk, talk.next(End::us, Psh | Ack, 100), 2);
    EXPECT_EQ(bench.findings_text(), "routing-loop suspected, routing-loop confirmed");
    EXPECT_EQ(bench.findings()[0].id, bench.findings()[1].id);
}

/// A fragment is missing: that is another error of the same type.
TEST_F(RoutingLoopTest, ReassemblyThatTookTooLongIsNotReported) {
    talk.send(End::us, Syn);
    report_icmp(talk, 11, 1);
    EXPECT_EQ(bench.findings_text(), "");
}

/// Its SYNs are meant to expire.
TEST_F(RoutingLoopTest, ATracerouteByTcpIsNotReported) {
    for (std::uint8_t ttl = 1; ttl < 32; ttl++) {
        Setting setting;
        setting.us.ttl = ttl;
        setting.us.isn = 0x22000000U + ttl;
        Conversation probe(bench.rig(), FST_HOOK_XDP, setting);
        probe.send(End::us, Syn);
        probe.pass_us(10'000);
        report_icmp(probe, 11, 0);
    }
    bench.pass(5s);
    EXPECT_EQ(bench.findings_text(), "");
}

TEST(RoutingLoop, TheHopLimitOfIpv6) {
    AnalysisBench bench;
    Conversation talk(bench.rig(), FST_HOOK_XDP, {.v6 = true});
    talk.send(End::us, Syn);
    const Tcp ours{.src_port = talk.port(End::us),
                   .dst_port = talk.port(End::peer),
                   .seq = talk.edge(End::us)};
    const Bytes error = (Ethernet{} / Ipv6{.src = "2001:db8:9::9", .dst = "2001:db8::1"} /
                         Icmpv6{.type = 3, .code = 0} / Quoted(Ethernet{} / Ipv6{} / ours))
                            .bytes();
    bench.rig().run(FST_HOOK_XDP, {.bytes = error});
    EXPECT_EQ(bench.findings_text(), "routing-loop suspected");
}

}  // namespace
}  // namespace flowstamp::testing
