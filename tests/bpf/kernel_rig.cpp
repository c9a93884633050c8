// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Uses the skeleton itself, not LoadedProbe: tests may write policies that users cannot.
#include "tests/bpf/kernel_rig.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

#include "flowstamp/config.h"
#include "probe.skel.h"
#include "user/kernel/maps/counter_reader.h"
#include "user/kernel/maps/event_reader.h"
#include "user/kernel/maps/flow_table.h"
#include "user/kernel/maps/test_run.h"
#include "vmlinux/uapi.h"

namespace flowstamp::testing {
namespace {

struct DestroyProbe {
    void operator()(probe_bpf* skeleton) const { probe_bpf__destroy(skeleton); }
};
using Probe = std::unique_ptr<probe_bpf, DestroyProbe>;

template <class T>
T value_or_throw(Result<T> result) {
    if (!result) {
        throw std::runtime_error(result.error().message());
    }
    return *std::move(result);
}

kernel::Program program_of(fst_hook hook) {
    switch (hook) {
        case FST_HOOK_XDP:
            return kernel::Program::xdp_ingress;
        case FST_HOOK_TC_INGRESS:
            return kernel::Program::tc_ingress;
        case FST_HOOK_TC_EGRESS:
            return kernel::Program::tc_egress;
    }
    throw std::invalid_argument("no such hook");
}

Probe load(const RigOptions& options, std::uint32_t slots) {
    Probe probe(probe_bpf__open());
    if (!probe) {
        throw std::runtime_error("the probe's object cannot be opened");
    }
    probe->rodata->hash_seed[0] = options.seed[0] | 1;
    probe->rodata->hash_seed[1] = options.seed[1] | 1;
    probe->rodata->flow_slots = slots;
    probe->rodata->acting = options.acting ? 1 : 0;
    probe->rodata->clock_is_replayed = 1;
    probe->rodata->verifies_checksums = options.replaying ? 0 : 1;
    probe->rodata->stamping = options.stamping ? 1 : 0;
    bpf_map__set_max_entries(probe->maps.flows, slots);
    bpf_map__set_max_entries(probe->maps.candidates, slots);
    if (probe_bpf__load(probe.get()) != 0 || bpf_map_freeze(bpf_map__fd(probe->maps.flows)) != 0) {
        throw std::runtime_error("the probe cannot be loaded");
    }
    return probe;
}

class LoadedRig final : public KernelRig {
  public:
    explicit LoadedRig(const RigOptions& options, std::uint32_t slots)
        : probe_(load(options, slots)),
          flows_(value_or_throw(kernel::FlowTable::map(bpf_map__fd(probe_->maps.flows), slots))),
          counters_(bpf_map__fd(probe_->maps.counters)),
          events_(value_or_throw(kernel::EventReader::open(
              bpf_map__fd(probe_->maps.events),
              [this](const fst_event& event, const fst_flow* flow) {
                  seen_.push_back({event, flow == nullptr ? std::nullopt : std::optional(*flow)});
              }))),
          run_({.xdp_ingress = program_fd(FST_HOOK_XDP),
                .tc_ingress = program_fd(FST_HOOK_TC_INGRESS),
                .tc_egress = program_fd(FST_HOOK_TC_EGRESS),
                .time_ns =
                    reinterpret_cast<volatile std::uint64_t*>(&probe_->bss->replayed_time_ns)}) {}

    void set_clock() override { run_.set_time(Nanoseconds(now_ns())); }
    Outcome run(fst_hook hook, const Frame& frame) override {
        set_clock();
        kernel::TestRunResult result =
            value_or_throw(run_.run(program_of(hook), {.bytes = frame.bytes,
                                                       .ifindex = frame.ifindex,
                                                       .came_in_by = frame.came_in_by,
                                                       .gso_segments = frame.gso_segments,
                                                       .gso_size = frame.gso_size}));
        seen_.clear();
        value_or_throw(events_.consume());
        if (events_.rejected() != 0) {
            throw std::runtime_error("a record of unknown version, kind or size");
        }
        return {.dropped = is_drop(hook, result.action),
                .bytes = std::move(result.bytes),
                .events = seen_};
    }

    void set_policy(const fst_policy& policy) override {
        const __u32 zero = 0;
        if (bpf_map_update_elem(bpf_map__fd(probe_->maps.policies), &zero, &policy, BPF_ANY) != 0) {
            throw std::runtime_error("the policy cannot be written");
        }
    }
    std::uint32_t slots() const override { return flows_.slots(); }
    std::optional<fst_flow> flow(std::uint32_t slot) const override { return flows_.read(slot); }
    std::uint64_t counter(fst_counter counter) const override {
        return value_or_throw(counters_.read())[counter];
    }
    std::size_t min_frame_bytes(fst_hook hook, bool v6) const override {
        constexpr std::size_t kIpv6 = 14 + 40;  // bpf_prog_test_run_skb() reads its addresses
        return hook == FST_HOOK_XDP ? kernel::kTestRunMinXdp : v6 ? kIpv6 : kernel::kTestRunMinTc;
    }
    int program_fd(fst_hook hook) const override {
        const auto& programs = probe_->progs;
        return bpf_program__fd(hook == FST_HOOK_XDP          ? programs.flowstamp_xdp_ingress
                               : hook == FST_HOOK_TC_INGRESS ? programs.flowstamp_tc_ingress
                                                             : programs.flowstamp_tc_egress);
    }

  private:
    /// The programs only have these two results: pass or drop.
    static bool is_drop(fst_hook hook, std::uint32_t action) {
        const bool xdp = hook == FST_HOOK_XDP;
        constexpr auto kNext = static_cast<std::uint32_t>(-1);  // TCX_NEXT
        constexpr std::uint32_t kDropTcx = 2;                   // TCX_DROP
        if (action == (xdp ? std::uint32_t{XDP_PASS} : kNext)) {
            return false;
        }
        if (action == (xdp ? std::uint32_t{XDP_DROP} : kDropTcx)) {
            return true;
        }
        throw std::runtime_error("an action that is neither pass nor drop: " +
                                 std::to_string(action));
    }

    Probe probe_;
    kernel::FlowTable flows_;
    kernel::CounterReader counters_;
    std::vector<SeenEvent> seen_;
    kernel::EventReader events_;
    kernel::TestRun run_;
};

}  // namespace

std::unique_ptr<KernelRig> make_kernel_rig(const RigOptions& options) {
    if (::geteuid() != 0) {
        return nullptr;
    }
    return std::make_unique<LoadedRig>(options, fst_flow_slots(options.max_flows));
}

}  // namespace flowstamp::testing
