// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// A packet through each loaded program, and what user space can read about it by every interface.
#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <vector>

#include "flowstamp/config.h"
#include "tests/bpf/loader_support.h"
#include "tests/support/packet.h"
#include "user/base/fd.h"
#include "vmlinux/uapi.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kTcNext = static_cast<std::uint32_t>(-1);

struct Case {
    kernel::Program program;
    const char* name;
    std::uint32_t pass;
    fst_hook hook;
};

class LoaderRun : public ::testing::TestWithParam<Case> {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) {
            GTEST_SKIP() << "needs root";
        }
    }
};

TEST_P(LoaderRun, SynIsCountedStampedAndReported) {
    kernel::LoadedProbe probe =
        load({.max_flows = 1024, .clock_is_replayed = true, .hash_seed = {{1, 2}}});
    std::vector<fst_event> events;
    kernel::EventReader reader =
        require(probe.maps().events([&](const fst_event& event, const fst_flow* flow) {
            EXPECT_EQ(flow, nullptr);
            events.push_back(event);
        }));
    const kernel::TestRun run = probe.test_run();
    const Bytes frame =
        (Ethernet{} / Ipv4{.ttl = 61} / Tcp{.seq = 1000, .flags = Syn, .window = 64240}).bytes();

    run.set_time(5s);
    const kernel::TestRunResult result = require(run.run(GetParam().program, {.bytes = frame}));

    EXPECT_EQ(result.action, GetParam().pass);
    EXPECT_EQ(result.bytes, frame);

    const kernel::Counters counters = require(probe.maps().counters().read());
    EXPECT_EQ(counters[FST_COUNT_TCP], 1U);
    EXPECT_EQ(counters[FST_COUNT_FLOW_NEW], 1U);
    EXPECT_EQ(counters[FST_COUNT_EVENT_LOST], 0U);

    int flows = 0;
    EXPECT_EQ(
        probe.maps().flows().scan(0, 2048,
                                  [&](std::uint32_t, const fst_flow& flow) {
                                      flows++;
                                      EXPECT_EQ(flow.key.ifindex, 1U);
                                      const int sender = flow.direction[0].packets == 1 ? 0 : 1;
                                      EXPECT_EQ(flow.direction[sender].packets, 1U);
                                      EXPECT_EQ(flow.direction[sender].last_ns, 5'000'000'000U);
                                      EXPECT_EQ(flow.direction[sender].ring[0].ttl, 61);
                                      EXPECT_EQ(flow.direction[sender].ring[0].time_us, 5'000'000U);
                                  }),
        0U);
    EXPECT_EQ(flows, 1);

    EXPECT_EQ(require(reader.consume()), 1U);
    EXPECT_EQ(reader.rejected(), 0U);
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].header.kind, FST_EVENT_SYN);
    EXPECT_EQ(events[0].packet.hook, GetParam().hook);
    EXPECT_EQ(events[0].packet.seq, 1000U);
}

TEST_P(LoaderRun, SeedSelectsTheBucket) {
    const Bytes frame = (Ethernet{} / Ipv4{} / Tcp{.seq = 1000, .flags = Syn}).bytes();
    std::vector<std::uint32_t> slots;
    for (const std::uint64_t seed : {11, 12, 13}) {
        kernel::LoadedProbe probe = load({.hash_seed = {{seed, ~seed}}});
        require(probe.test_run().run(GetParam().program, {.bytes = frame}));
        probe.maps().flows().scan(
            0, probe.maps().flows().slots(),
            [&](std::uint32_t slot, const fst_flow&) { slots.push_back(slot); });
    }
    ASSERT_EQ(slots.size(), 3U);
    EXPECT_FALSE(slots[0] == slots[1] && slots[1] == slots[2]);
}

INSTANTIATE_TEST_SUITE_P(
    Hooks, LoaderRun,
    ::testing::Values(Case{kernel::Program::xdp_ingress, "xdp_ingress", XDP_PASS, FST_HOOK_XDP},
                      Case{kernel::Program::tc_ingress, "tc_ingress", kTcNext, FST_HOOK_TC_INGRESS},
                      Case{kernel::Program::tc_egress, "tc_egress", kTcNext, FST_HOOK_TC_EGRESS}),
    [](const auto& info) { return info.param.name; });

class LoaderTable : public RootTest {};

TEST_F(LoaderTable, IsWritableByProgramsOnly) {
    constexpr std::uint32_t kFlows = 131072;  // a size that no other test uses
    kernel::LoadedProbe probe = load({.max_flows = kFlows});
    int found = 0;
    for (std::uint32_t id = 0; bpf_map_get_next_id(id, &id) == 0;) {
        const Fd map(bpf_map_get_fd_by_id(id));
        bpf_map_info info{};
        __u32 bytes = sizeof(info);
        if (!map || bpf_map_get_info_by_fd(map.get(), &info, &bytes) != 0 ||
            std::strcmp(info.name, "flows") != 0 || info.max_entries != fst_flow_slots(kFlows)) {
            continue;
        }
        found++;
        const std::uint32_t zero = 0;
        const fst_flow flow{};
        EXPECT_EQ(bpf_map_update_elem(map.get(), &zero, &flow, BPF_ANY), -EPERM);
    }
    EXPECT_EQ(found, 1);
}

TEST_F(LoaderTable, ScansInPortions) {
    kernel::LoadedProbe probe = load({.max_flows = 1024});
    const kernel::TestRun run = probe.test_run();
    for (std::uint16_t port = 1; port <= 100; port++) {
        const Bytes frame =
            (Ethernet{} / Ipv4{} / Tcp{.src_port = port, .seq = 1, .flags = Syn}).bytes();
        require(run.run(kernel::Program::xdp_ingress, {.bytes = frame}));
    }
    int flows = 0;
    int portions = 0;
    std::uint32_t next = 0;
    do {
        next =
            probe.maps().flows().scan(next, 100, [&](std::uint32_t, const fst_flow&) { flows++; });
        portions++;
    } while (next != 0);
    EXPECT_EQ(flows, 100);
    EXPECT_EQ(portions, 13) << "of 1228 slots";
    EXPECT_EQ(probe.maps().flows().scan(5000, 1, [](std::uint32_t, const fst_flow&) { FAIL(); }),
              0U);
}

TEST_F(LoaderTable, RefusesAFrameTooShortForTheKernel) {
    kernel::LoadedProbe probe = load({.max_flows = 1024});
    const Bytes frame(13);
    const Result<kernel::TestRunResult> result =
        probe.test_run().run(kernel::Program::xdp_ingress, {.bytes = frame});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message(), "a frame of 13 bytes: test run: too short for the kernel");
}

}  // namespace
}  // namespace flowstamp::testing
