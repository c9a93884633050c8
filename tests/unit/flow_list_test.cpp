// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/flow_list.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/events.h"

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using testing::example_flow;
using ::testing::HasSubstr;
using testing::kClient;
using testing::kServer;
using ::testing::StartsWith;

std::string line_at(const fst_flow& flow, Nanoseconds now, bool wide = false) {
    return output::flow_line({.record = {.slot = flow, .interface = "eth0", .wall = now}}, wide);
}

TEST(FlowList, AFlowIsALineOfColumns) {
    fst_flow flow = example_flow();
    flow.direction[kClient].min_rtt_us = 1500;
    EXPECT_EQ(output::flow_list_title(), "STATE     AGE BYTES PKTS   RTT RST FLOW");
    EXPECT_EQ(line_at(flow, 1012s),
              "estab     12s   40k   40  22ms   - 192.0.2.1:40000 > 198.51.100.7:443");
    flow.direction[kClient].min_rtt_us = flow.direction[kServer].min_rtt_us = 0;
    flow.state |= FST_OF(FST_FLOW_RST, kServer);
    EXPECT_EQ(line_at(flow, 1000s + 3h),
              "reset      3h   40k   40     -   1 192.0.2.1:40000 > 198.51.100.7:443");
}

/// As great as the table can hold.
TEST(FlowList, FitsEightyColumns) {
    fst_flow flow = example_flow();
    for (const auto end : {kClient, kServer}) {
        flow.key.address[end][3] = 0xffffffff;
        flow.key.port[end] = 0xffff;
        fst_direction& its = flow.direction[end];
        its.packets = 0xffffffff;
        its.bytes = ~std::uint64_t{0} / 2;
        its.min_rtt_us = 0xffffffff / 64;
        for (fst_stamp& stamp : its.ring) {
            stamp = {.time_us = 0, .ip_id = 0, .ttl = 1, .tcp_flags = FST_TCP_RST};
        }
    }
    flow.state = FST_OF(FST_FLOW_SYN_ACK, kServer) | FST_OF(FST_FLOW_AFTER_RST, kServer) |
                 FST_OF(FST_FLOW_AFTER_RST, kClient);
    const std::string line = line_at(flow, 1000s + 24h * 999);
    EXPECT_THAT(line, StartsWith("syn-recv 999d   18E 8.6G  134s  16 255.255.255.255:65535"));
    EXPECT_EQ(line.size(), 80U) << line;
}

TEST(FlowList, NumbersAreShort) {
    fst_flow flow = example_flow();
    flow.direction[kServer].bytes = 0;
    const auto bytes = [&](std::uint64_t number) {
        flow.direction[kClient].bytes = number;
        return line_at(flow, 1000s).substr(13, 6);
    };
    EXPECT_EQ(bytes(0), "     0");
    EXPECT_EQ(bytes(9999), "  9999");
    EXPECT_EQ(bytes(10'000), "   10k");
    EXPECT_EQ(bytes(999'499), "  999k");
    EXPECT_EQ(bytes(999'500), "  1.0M");
    EXPECT_EQ(bytes(26'752'971), "   27M");
}

TEST(FlowList, AWideLineAlsoHasInterfaceAndDirections) {
    fst_flow flow = example_flow();
    flow.direction[kServer].retransmitted = 2;
    EXPECT_THAT(line_at(flow, 1012s, true),
                HasSubstr(":443  eth0  >: 20 packets, 20k bytes, ttl 63 (1 hop), IP-ID per-flow  "
                          "<: 20 packets, 20k bytes, ttl 52 (12 hops), IP-ID per-flow, "
                          "2 retransmitted"));
    flow.direction[kServer] = {};
    EXPECT_THAT(line_at(flow, 1012s, true), HasSubstr("  <: nothing seen"));
}

}  // namespace
}  // namespace flowstamp
