// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// A full ring of events: lost records are counted, and packets still pass.
#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include "flowstamp/config.h"
#include "tests/bpf/kernel_rig.h"
#include "tests/support/packet.h"

namespace flowstamp::testing {
namespace {

/// Runs the XDP program on one frame repeatedly, in one call; its records stay in the ring.
void run_repeatedly(const KernelRig& rig, const Bytes& frame, std::uint64_t times) {
    LIBBPF_OPTS(bpf_test_run_opts, options);
    options.data_in = frame.data();
    options.data_size_in = static_cast<__u32>(frame.size());
    options.repeat = static_cast<int>(times);
    ASSERT_EQ(bpf_prog_test_run_opts(rig.program_fd(FST_HOOK_XDP), &options), 0);
    EXPECT_EQ(options.retval, std::uint32_t{XDP_PASS});
}

TEST(DatapathRing, CountsLostRecords) {
    const auto rig = make_kernel_rig({});
    if (!rig) {
        GTEST_SKIP() << "needs root";
    }
    const Bytes reset = (Ethernet{} / Ipv4{} / Tcp{.flags = Rst}).bytes();
    constexpr std::uint64_t kResets = 20'000;
    ASSERT_GT(kResets * sizeof(fst_flow_event), 2 * FST_EVENTS_BYTES);
    run_repeatedly(*rig, reset, kResets);
    EXPECT_EQ(rig->counter(FST_COUNT_RST), kResets);
    const std::uint64_t reported = rig->counter(FST_COUNT_EVENT);
    EXPECT_EQ(reported + rig->counter(FST_COUNT_EVENT_LOST), kResets);
    EXPECT_GT(rig->counter(FST_COUNT_EVENT_LOST), 10'000U);
    EXPECT_GT(reported, FST_EVENTS_BYTES / sizeof(fst_flow_event) * 9 / 10);

    // The next packet's run consumes everything; then there is room again.
    EXPECT_EQ(rig->run(FST_HOOK_XDP, {.bytes = reset}).events.size(), reported);
    EXPECT_EQ(rig->run(FST_HOOK_XDP, {.bytes = reset}).events.size(), 1U);
}

/// Each SYN, of one flow, is reported while there is room.
TEST(DatapathRing, SynFloodLeavesRoomForAReset) {
    const auto rig = make_kernel_rig({});
    if (!rig) {
        GTEST_SKIP() << "needs root";
    }
    constexpr std::uint32_t kSyns = 30'000;
    ASSERT_GT(kSyns * sizeof(fst_event), FST_EVENTS_BYTES);
    for (std::uint32_t i = 0; i < kSyns; i++) {
        run_repeatedly(*rig, (Ethernet{} / Ipv4{} / Tcp{.seq = i * 16, .flags = Syn}).bytes(), 1);
    }
    const std::uint64_t lost = rig->counter(FST_COUNT_EVENT_LOST);
    EXPECT_GT(lost, 10'000U);

    const Bytes reset = (Ethernet{} / Ipv4{} / Tcp{.flags = Rst}).bytes();
    run_repeatedly(*rig, reset, 100);
    EXPECT_EQ(rig->counter(FST_COUNT_EVENT_LOST), lost);
}

}  // namespace
}  // namespace flowstamp::testing
