// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/scans.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include "tests/support/events.h"

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using flowstamp::testing::example_flow;
using flowstamp::testing::FlowScript;
using flowstamp::testing::kClient;
using flowstamp::testing::kServer;

constexpr std::uint16_t kStackSyn =
    FST_PACKET_DF | FST_PACKET_OPTIONS | FST_PACKET_MSS | FST_PACKET_SACK | FST_PACKET_TS;

fst_packet syn_packet() {
    fst_packet syn{};
    syn.tcp_flags = FST_TCP_SYN;
    syn.flags = FST_PACKET_OPTIONS | FST_PACKET_MSS;
    syn.tcp_header = 24;
    syn.mss = 1460;
    syn.window = 1024;
    return syn;
}

TEST(ScanProbe, IsRecognizedByItsIdOrItsOptions) {
    fst_packet syn = syn_packet();
    EXPECT_EQ(analysis::scan_probe(syn), analysis::ScanProbe::small);
    syn.ip_id = 54321;
    EXPECT_EQ(analysis::scan_probe(syn), analysis::ScanProbe::zmap);
    syn.flags = 0;
    syn.tcp_header = 20;
    EXPECT_EQ(analysis::scan_probe(syn), analysis::ScanProbe::zmap);
    syn.ip_id = 1;
    EXPECT_EQ(analysis::scan_probe(syn), analysis::ScanProbe::no_options);
}

TEST(ScanProbe, AnOrdinarySynIsNoProbe) {
    fst_packet syn = syn_packet();
    syn.window = 2144;  // lwIP: an MSS alone, and a small window
    EXPECT_EQ(analysis::scan_probe(syn), analysis::ScanProbe::none);
    syn = syn_packet();
    syn.flags |= FST_PACKET_DF;
    EXPECT_EQ(analysis::scan_probe(syn), analysis::ScanProbe::none);
    syn = syn_packet();
    syn.flags |= FST_PACKET_SACK | FST_PACKET_WSCALE;
    syn.tcp_header = 40;
    syn.ip_id = 54321;  // by chance
    EXPECT_EQ(analysis::scan_probe(syn), analysis::ScanProbe::none);
}

TEST(ScanProbe, ATruncatedSynIsNoProbe) {
    fst_packet syn = syn_packet();
    syn.flags = FST_PACKET_CUT;
    EXPECT_EQ(analysis::scan_probe(syn), analysis::ScanProbe::none);
}

/// A connection attempt to `port` that is accepted, and reset by the client.
struct Attempt {
    explicit Attempt(std::uint16_t port, std::uint32_t slot = 7)
        : script(half_open(port), slot, "eth0") {}
    static fst_flow half_open(std::uint16_t port) {
        fst_flow flow = example_flow();
        flow.key.port[kServer] = htons(port);
        flow.state = FST_OF(FST_FLOW_SYN, kClient) | FST_OF(FST_FLOW_SYN_ACK, kServer);
        flow.direction[kClient].flags = FST_DIRECTION_SEEN | FST_DIRECTION_BASE_SYN;
        return flow;
    }
    analysis::Observation syn(std::uint16_t flags) { return script.syn(2000, flags); }
    analysis::Observation rst() { return script.rst({.from = kClient, .seq = 2001}); }
    FlowScript script;
};

TEST(Scans, ACraftedSynThatIsResetIsAScan) {
    analysis::Scans scans;
    Attempt attempt(443);
    scans.record(attempt.syn(0));
    const analysis::Observation rst = attempt.rst();
    scans.record(rst);
    ASSERT_TRUE(scans.of(rst));
    EXPECT_EQ(scans.of(rst)->probe, analysis::ScanProbe::no_options);
}

TEST(Scans, AnAbandonedConnectionAttemptIsNoScan) {
    analysis::Scans scans;
    Attempt attempt(443);
    scans.record(attempt.syn(kStackSyn));
    scans.record(attempt.rst());
    EXPECT_FALSE(scans.of(attempt.rst()));
}

TEST(Scans, OnlyTheOpenersResetToASynAckIsAScan) {
    analysis::Scans scans;
    Attempt attempt(443);
    scans.record(attempt.syn(0));
    EXPECT_FALSE(scans.of(attempt.script.rst({.from = kServer})));
    attempt.script.flow().direction[kClient].flags |= FST_DIRECTION_ACKED;
    EXPECT_FALSE(scans.of(attempt.rst()));
    attempt.script.flow().direction[kClient].flags &= ~FST_DIRECTION_ACKED;
    attempt.script.flow().state &= ~FST_OF(FST_FLOW_SYN_ACK, kServer);
    EXPECT_FALSE(scans.of(attempt.rst()));
}

TEST(Scans, ManyPortsOfOneHostAreAScan) {
    analysis::Scans scans;
    for (std::uint16_t port = 1; port <= analysis::Scans::kPorts + 1; port++) {
        Attempt attempt(port, port);
        attempt.script.at(port * 1s);
        scans.record(attempt.syn(kStackSyn));
        const analysis::Observation rst = attempt.rst();
        scans.record(rst);
        EXPECT_EQ(scans.of(rst).has_value(), port > analysis::Scans::kPorts) << port;
    }
}

TEST(Scans, OnePortRepeatedlyOrManySlowlyAreNoScan) {
    analysis::Scans scans;
    for (std::uint16_t i = 1; i <= 20; i++) {
        Attempt same(443, i);
        scans.record(same.rst());
        EXPECT_FALSE(scans.of(same.rst()));
    }
    analysis::Scans slow;
    for (std::uint16_t port = 1; port <= 20; port++) {
        Attempt attempt(port, port);
        attempt.script.at(port * 61s);
        slow.record(attempt.rst());
        EXPECT_FALSE(slow.of(attempt.rst()));
    }
}

}  // namespace
}  // namespace flowstamp
