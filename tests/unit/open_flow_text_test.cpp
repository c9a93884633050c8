// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/open_flow_text.h"

#include <gtest/gtest.h>

#include "tests/support/events.h"

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using flowstamp::testing::example_flow;
using flowstamp::testing::kClient;
using flowstamp::testing::kServer;

std::string text_at(const fst_flow& flow, Nanoseconds now) {
    return output::open_flow_text(
        {.record = {.slot = flow, .interface = "eth0", .wall = now}, .offset = 0s});
}

TEST(OpenFlowText, ShowsAFlowWithItsStamps) {
    fst_flow flow = example_flow();
    for (fst_direction& direction : flow.direction) {
        for (unsigned i = 0; i + 1 < FST_RING_STAMPS; i++) {
            direction.ring[i] = {};
        }
    }
    flow.direction[kClient].min_rtt_us = 0;
    flow.direction[kServer].retransmitted = 2;
    EXPECT_EQ(text_at(flow, 1002500ms),
              "192.0.2.1:40000 > 198.51.100.7:443  eth0  established, last packet 2.5 s ago\n"
              "    >  20 packets, 20000 bytes, ttl 63 (1 hop), IP-ID per-flow\n"
              "       2.5 s ago  ttl 63   id 0x0500  .\n"
              "    <  20 packets, 20000 bytes, ttl 52 (12 hops), IP-ID per-flow, RTT 20 ms, "
              "2 retransmitted\n"
              "       2.5 s ago  ttl 52   id 0x1a2b  .\n");
}

TEST(OpenFlowText, ReportsADirectionThatWasNotSeen) {
    fst_flow flow = example_flow();
    flow.direction[kServer] = {};
    EXPECT_NE(text_at(flow, 1000s).find("    <  nothing seen\n"), std::string::npos);
}

TEST(OpenFlowText, DatesStampsOlderThanTheirClock) {  // 32 bits of microseconds last 71 minutes
    fst_flow flow = example_flow();
    EXPECT_NE(text_at(flow, 1000s + 3h).find("3 h 0 min ago  ttl 52"), std::string::npos);
}

}  // namespace
}  // namespace flowstamp
