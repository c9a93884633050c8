// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include <gtest/gtest.h>

#include "user/cmd/watch/service.h"

namespace flowstamp {
namespace {

TEST(ServiceStatus, SaysWhatIsWatchedFoundAndLost) {
    analysis::Stats stats;
    EXPECT_EQ(cmd::status_line("eth0", stats), "watching eth0; 0 findings; 0 lost");
    stats.findings_confirmed = 1;
    EXPECT_EQ(cmd::status_line("eth0", stats), "watching eth0; 1 finding; 0 lost");
    stats.findings_suspected = 11;
    stats.counters[FST_COUNT_EVENT_LOST] = 1;
    stats.counters[FST_COUNT_STAMP_LOST] = 2;
    stats.counters[FST_COUNT_EVICT_LIVE] = 4;
    stats.counters[FST_COUNT_FLOW_LOST] = 8;
    stats.records_unread = 16;
    EXPECT_EQ(cmd::status_line("eth0, eth1", stats), "watching eth0, eth1; 12 findings; 31 lost");
}

}  // namespace
}  // namespace flowstamp
