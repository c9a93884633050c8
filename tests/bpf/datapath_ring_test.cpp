// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// A full ring of events: lost records are counted, and packets still pass.
#include <bpf/bpf.h>
#include <fmt/format.h>
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

/// The SYN of flow `number`.
Bytes syn_of(std::uint32_t number) {
    return (Ethernet{} / Ipv4{.src = fmt::format("10.1.{}.{}", number >> 8 & 0xff, number & 0xff)} /
            Tcp{.src_port = static_cast<std::uint16_t>(1024 + (number >> 16)), .flags = Syn})
        .bytes();
}

/// Nobody reads: the first openings fill three eighths of the ring, a sample of them some more, and
/// the rest is for resets.
TEST(DatapathRing, SynFloodIsSampledAndLeavesRoomForAReset) {
    const auto rig = make_kernel_rig({.max_flows = 262'144});
    if (!rig) {
        GTEST_SKIP() << "needs root";
    }
    constexpr std::uint64_t kRoom = sizeof(fst_event) + 8;  // with the ring's own header
    constexpr std::uint64_t kAll =
        FST_EVENTS_BYTES / 8 * 3 / kRoom + 1;  // reported before sampling
    constexpr std::uint32_t kSyns = 50'000;
    for (std::uint32_t i = 0; i < kSyns; i++) {
        run_repeatedly(*rig, syn_of(i), 1);
    }
    const std::uint64_t reported = rig->counter(FST_COUNT_EVENT);
    const std::uint64_t unsampled = rig->counter(FST_COUNT_OPENING_UNSAMPLED);
    EXPECT_EQ(rig->counter(FST_COUNT_EVENT_LOST), 0U);
    EXPECT_EQ(reported + unsampled, kSyns);
    const double sampled = static_cast<double>(reported - kAll);
    EXPECT_NEAR(sampled / (kSyns - kAll), 1.0 / FST_OPENINGS_SAMPLED, 0.01);

    const std::uint64_t room = FST_EVENTS_BYTES / 2 / (sizeof(fst_flow_event) + 8);
    run_repeatedly(*rig, (Ethernet{} / Ipv4{} / Tcp{.flags = Rst}).bytes(), room);
    EXPECT_EQ(rig->counter(FST_COUNT_EVENT_LOST), 0U);

    // All that was reported is there, and in the sample are whole flows.
    std::uint64_t syns = 0, resets = 0;
    for (const SeenEvent& seen : rig->run(FST_HOOK_XDP, {.bytes = syn_of(kSyns)}).events) {
        syns += seen.event.header.kind == FST_EVENT_SYN;
        resets += seen.event.header.kind == FST_EVENT_RST;
    }
    EXPECT_GE(syns, reported);
    EXPECT_EQ(resets, room);
}

/// What the sample gives up is not told again when there is room.
TEST(DatapathRing, OpeningsAreReportedAgainOnceTheRingWasRead) {
    const auto rig = make_kernel_rig({.max_flows = 65'536});
    if (!rig) {
        GTEST_SKIP() << "needs root";
    }
    for (std::uint32_t i = 0; i < 12'000; i++) {
        run_repeatedly(*rig, syn_of(i), 1);
    }
    const std::uint64_t unsampled = rig->counter(FST_COUNT_OPENING_UNSAMPLED);
    EXPECT_GT(unsampled, 1000U);
    (void)rig->run(FST_HOOK_XDP, {.bytes = syn_of(20'000)});  // and reads
    EXPECT_EQ(rig->run(FST_HOOK_XDP, {.bytes = syn_of(20'001)}).events.size(), 1U);
    EXPECT_LE(rig->counter(FST_COUNT_OPENING_UNSAMPLED), unsampled + 1);
}

}  // namespace
}  // namespace flowstamp::testing
