// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/queue_drop.h"

#include <gtest/gtest.h>
#include <linux/pkt_sched.h>

namespace flowstamp {
namespace {

using pathtrace::PathReport;
using pathtrace::Queue;

constexpr std::uint32_t kEth = 2;

Queue htb(std::uint64_t drops) {
    return {.ifindex = kEth, .kind = "htb", .handle = 0x10000, .parent = TC_H_ROOT, .drops = drops};
}
Queue leaf(std::uint32_t minor, std::uint64_t drops) {
    return {.ifindex = kEth,
            .kind = "pfifo",
            .handle = minor << 16,
            .parent = 0x10000 | minor,
            .drops = drops};
}

PathReport::Drop explained(const std::vector<Queue>& before, const std::vector<Queue>& now) {
    PathReport::Drop drop{.reason = "QDISC_DROP", .words = {.words = "full"}};
    explain_queue_drop(drop, "eth0", kEth, before, now);
    return drop;
}

TEST(QueueDrop, InnerQueueIsNamed) {
    const auto drop =
        explained({htb(5), leaf(0x10, 5), leaf(0x20, 0)}, {htb(8), leaf(0x10, 8), leaf(0x20, 0)});
    EXPECT_EQ(drop.words.words, "full: pfifo 10:, parent 1:10 of eth0");
    ASSERT_TRUE(drop.counter);
    EXPECT_EQ(drop.counter->by, 3U);
}

TEST(QueueDrop, OuterQueueIsNamedForWhatItDropsItself) {
    const auto drop = explained({htb(0), leaf(0x10, 0)}, {htb(3), leaf(0x10, 0)});
    EXPECT_EQ(drop.words.words, "full: htb 1:, root of eth0");
}

TEST(QueueDrop, NoneIsNamedInDoubt) {
    for (const auto& drop :
         {explained({htb(0), leaf(0x10, 0), leaf(0x20, 0)}, {htb(3), leaf(0x10, 2), leaf(0x20, 1)}),
          explained({htb(0), leaf(0x10, 0)}, {htb(3), leaf(0x10, 2)}),
          explained({htb(3)}, {htb(3)}), explained({htb(3)}, {}), explained({htb(3)}, {htb(1)})}) {
        EXPECT_EQ(drop.words.words, "full");
        EXPECT_FALSE(drop.counter);
    }
}

TEST(QueueDrop, QueuesOfOtherInterfacesDoNotCount) {
    Queue other = htb(9);
    other.ifindex = 3;
    const auto drop = explained({htb(0)}, {htb(1), other});
    ASSERT_TRUE(drop.counter);
    EXPECT_EQ(drop.counter->by, 1U);
}

}  // namespace
}  // namespace flowstamp
