// SPDX-License-Identifier: Apache-2.0
#include "user/cmd/flows/flow_text.h"

#include <gtest/gtest.h>

#include "tests/support/events.h"

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using flowstamp::testing::example_flow;
using flowstamp::testing::kClient;
using flowstamp::testing::kServer;

TEST(FlowText, ShowsAFlowWithItsStamps) {
    fst_flow flow = example_flow();
    for (fst_direction& direction : flow.direction) {
        for (unsigned i = 0; i + 1 < FST_RING_STAMPS; i++) {
            direction.ring[i] = {};
        }
    }
    flow.direction[kClient].min_rtt_us = 0;
    flow.direction[kServer].retransmitted = 2;
    const analysis::FlowRecord record{.slot = flow, .interface = "eth0"};
    EXPECT_EQ(cmd::flow_text(record, 1002500ms),
              "192.0.2.1:40000 > 198.51.100.7:443  eth0  established, last packet 2.5 s ago\n"
              "    >  20 packets, 20000 bytes, ttl 63 (1 hop), IP-ID per-flow\n"
              "       2.5 s ago  ttl 63   id 0x0500  .\n"
              "    <  20 packets, 20000 bytes, ttl 52 (12 hops), IP-ID per-flow, RTT 20 ms, "
              "2 retransmitted\n"
              "       2.5 s ago  ttl 52   id 0x1a2b  .\n");
}

TEST(FlowText, ReportsASideThatWasNotSeen) {
    fst_flow flow = example_flow();
    flow.direction[kServer] = {};
    const analysis::FlowRecord record{.slot = flow, .interface = "eth0"};
    EXPECT_NE(cmd::flow_text(record, 1000s).find("    <  nothing seen\n"), std::string::npos);
}

TEST(FlowText, DatesStampsOlderThanTheirClock) {  // 32 bits of microseconds last 71 minutes
    fst_flow flow = example_flow();
    const analysis::FlowRecord record{.slot = flow, .interface = "eth0"};
    EXPECT_NE(cmd::flow_text(record, 1000s + 3h).find("3 h 0 min ago  ttl 52"), std::string::npos);
}

}  // namespace
}  // namespace flowstamp
