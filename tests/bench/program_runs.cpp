// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/bench/program_runs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string>

#include "baselines.skel.h"
#include "flowstamp/config.h"
#include "flowstamp/counter.h"
#include "flowstamp/flow.h"
#include "probe.skel.h"
#include "tests/bench/results.h"
#include "user/kernel/maps/counter_reader.h"
#include "user/kernel/maps/test_run.h"

namespace flowstamp::bench {
namespace {

constexpr std::uint32_t kMinFlows = 65'536;
/// Size of the baselines' ring: holds all records of a measurement, so that none is refused.
constexpr std::uint32_t kRingBytes = 128U << 20;
/// Programs that conversations can be held before, in one set of baselines.
constexpr std::uint32_t kAudiences = 5;
/// Of each flow, before it is measured: by then each end has sent more than the 32 packets that are looked at more
/// closely.
constexpr int kOpeningPackets = 84;

/// The destination's address: 4 or 16 bytes.
std::span<const std::uint8_t> destination_of(const Bytes& frame) {
    const bool ipv4 = frame[12] == 0x08;
    return std::span(frame).subspan(ipv4 ? 14 + 16 : 14 + 24, ipv4 ? 4 : 16);
}

/// Where the bytes behind the TCP header begin.
std::size_t payload_at(const Bytes& frame) {
    const std::size_t tcp = frame[12] == 0x08 ? 14 + 20 : 14 + 40;
    return tcp + (frame[tcp + 12] >> 4U) * 4U;
}

}  // namespace

void DestroyBaselines::operator()(baselines_bpf* skeleton) const {
    baselines_bpf::destroy(skeleton);
}
void DestroyProbe::operator()(probe_bpf* skeleton) const {
    probe_bpf::destroy(skeleton);
}

void set_payload(baselines_bpf& baselines, const Bytes& frame) {
    const std::span payload = std::span(frame).subspan(payload_at(frame));
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < payload.size(); i += 2) {
        std::uint16_t word = 0;
        std::memcpy(&word, &payload[i], std::min<std::size_t>(2, payload.size() - i));
        sum += word;
    }
    baselines.bss->payload = static_cast<std::uint32_t>(payload.size());
    baselines.bss->payload_sum = (sum & 0xffffU) + (sum >> 16U);
}

Baselines load_baselines(std::uint32_t flows) {
    Baselines baselines(baselines_bpf::open());
    if (!baselines) {
        die("cannot open the baselines");
    }
    bpf_map__set_max_entries(baselines->maps.lru_flows, std::max(kMinFlows, 2 * flows));
    bpf_map__set_max_entries(baselines->maps.records, kRingBytes);
    bpf_map__set_max_entries(baselines->maps.packets, kAudiences * flows);
    baselines->rodata->lines_count = fst_flow_slots(std::max(kMinFlows, flows));
    bpf_map__set_max_entries(baselines->maps.lines, baselines->rodata->lines_count);
    if (baselines_bpf::load(baselines.get()) != 0) {
        die("cannot load the baselines: run as root");
    }
    return baselines;
}

LoadedProbe load_probe(std::uint32_t flows, Mode mode, bool stamping) {
    LoadedProbe probe(probe_bpf::open());
    if (!probe) {
        die("cannot open the probe");
    }
    const std::uint32_t slots = fst_flow_slots(std::max(kMinFlows, flows));
    probe->rodata->hash_seed[0] = 0x5bd1e995a3c59ac3;
    probe->rodata->hash_seed[1] = 0xc2b2ae3d27d4eb4f;
    probe->rodata->flow_slots = slots;
    probe->rodata->acting = mode == Mode::act ? 1 : 0;
    probe->rodata->stamping = stamping ? 1 : 0;
    bpf_map__set_max_entries(probe->maps.flows, slots);
    bpf_map__set_max_entries(probe->maps.stamps, stamping ? kRingBytes : FST_STAMPS_BYTES_UNUSED);
    if (probe_bpf::load(probe.get()) != 0) {
        die("cannot load the probe: run as root");
    }
    fst_policy policy{};
    if (mode == Mode::act) {
        policy.drop_mode = FST_DROP_CONFIRMED;
        policy.challenge_mode = FST_CHALLENGE_ALL;
    }
    const __u32 zero = 0;
    bpf_map_update_elem(bpf_map__fd(probe->maps.policies), &zero, &policy, BPF_ANY);
    return probe;
}

void expect_taken_in(probe_bpf& probe) {
    const auto counters = kernel::CounterReader(bpf_map__fd(probe.maps.counters)).read();
    if (!counters) {
        die(counters.error().message());
    }
    const std::uint64_t refused = (*counters)[FST_COUNT_REFUSED] + (*counters)[FST_COUNT_DAMAGED];
    if (refused != 0) {
        die(std::to_string(refused) + " packets of the conversations were refused");
    }
}

void drain(int ring) {
    ring_buffer* reader =
        ring_buffer__new(ring, [](void*, void*, size_t) { return 0; }, nullptr, nullptr);
    ring_buffer__consume(reader);
    ring_buffer__free(reader);
}

double run(Hook hook, int program, const Bytes& frame, std::uint32_t repeat) {
    const kernel::TestRun runner({.xdp_ingress = program, .tc_egress = program});
    const auto result =
        runner.run(hook == Hook::xdp ? kernel::Program::xdp_ingress : kernel::Program::tc_egress,
                   {.bytes = frame}, repeat);
    if (!result) {
        die(result.error().message());
    }
    return static_cast<double>(result->duration.count());
}

std::uint32_t Mutated::audience_of(int program) {
    const auto known = std::ranges::find(audiences_, program);
    if (known == audiences_.end()) {
        if (audiences_.size() == kAudiences) {
            die("too many programs for the conversations");
        }
        audiences_.push_back(program);
        return static_cast<std::uint32_t>(audiences_.size() - 1);
    }
    return static_cast<std::uint32_t>(known - audiences_.begin());
}

double Mutated::run(int program, const Bytes& frame, std::uint32_t repeat, bool in_order) {
    const bool xdp = hook_ == Hook::xdp;
    const int next =
        bpf_map__fd(xdp ? baselines_.maps.next_program : baselines_.maps.next_program_tc);
    const __u32 zero = 0;
    if (bpf_map_update_elem(next, &zero, &program, BPF_ANY) != 0) {
        die("a program cannot be called by the mutator");
    }
    set_payload(baselines_, frame);
    baselines_.bss->flow_count = flows_;
    baselines_.bss->in_order = in_order ? 1 : 0;
    baselines_.bss->converses = traffic_ == Traffic::conversation ? 1 : 0;
    if (traffic_ == Traffic::conversation) {
        baselines_.bss->audience = audience_of(program);
        const auto server = destination_of(frame);
        auto* end = reinterpret_cast<std::uint8_t*>(baselines_.bss->server) + 16;
        std::ranges::copy(server, end - server.size());
    }
    const auto& programs = baselines_.progs;
    const double ns = bench::run(
        hook_, bpf_program__fd(xdp ? programs.mutator : programs.mutator_tc), frame, repeat);
    drain(bpf_map__fd(baselines_.maps.records));  // makes room: nobody else reads it
    return ns;
}

void Mutated::visit_all(int program, const Bytes& frame) {
    (void)run(program, frame, flows_, true);
}

void Mutated::open_all(int program, const Bytes& frame) {
    for (int i = 0; i < kOpeningPackets; i++) {
        visit_all(program, frame);
    }
}

double Mutated::run(int program, const Bytes& frame, std::uint32_t repeat) {
    return run(program, frame, repeat, false);
}

}  // namespace flowstamp::bench
