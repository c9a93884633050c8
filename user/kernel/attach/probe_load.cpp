// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// open() and load(): the programs are configured, verified, and their maps filled.
#include <bpf/bpf.h>
#include <fmt/format.h>
#include <sys/random.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include "flowstamp/config.h"
#include "probe.skel.h"
#include "user/kernel/attach/probe_state.h"
#include "user/kernel/features/capabilities.h"
#include "user/kernel/features/kernel_release.h"
#include "user/kernel/features/libbpf_messages.h"

namespace flowstamp::kernel {

namespace {

using Seed = std::array<std::uint64_t, 2>;

Status check_flows(std::uint32_t flows) {
    if (flows >= FST_FLOWS_MIN && flows <= FST_FLOWS_MAX) {
        return {};
    }
    return fail({.operation = "make the flow table",
                 .object = fmt::format("{} flows", flows),
                 .errno_value = EINVAL,
                 .reason = "out of range",
                 .hint = fmt::format("choose {} to {}", FST_FLOWS_MIN, FST_FLOWS_MAX)});
}

Result<bool> choose_clsact(TcMethod method) {
    const bool tcx = has_tcx();
    if (method == TcMethod::tcx && !tcx) {
        return fail(
            {.operation = "attach by tcx",
             .errno_value = EOPNOTSUPP,
             .reason = "needs kernel 6.6 or later, this is " + KernelRelease::running().text});
    }
    return method == TcMethod::clsact || !tcx;
}

Result<Seed> draw_seed() {
    Seed seed{};
    if (::getrandom(seed.data(), sizeof(seed), 0) != static_cast<ssize_t>(sizeof(seed))) {
        return fail_errno("draw", "the flow table's hash seed", errno);
    }
    return seed;
}

/// Sets the read-only data and selects the programs to load: each one costs verifier time.
void configure(ProbeState& state, const Seed& seed) {
    const ProbeOptions& options = state.options;
    probe_bpf& skeleton = *state.skeleton;
    skeleton.rodata->hash_seed[0] = seed[0] | 1;
    skeleton.rodata->hash_seed[1] = seed[1] | 1;
    skeleton.rodata->flow_slots = state.flow_slots;
    skeleton.rodata->acting = options.acting() ? 1 : 0;
    skeleton.rodata->clock_is_replayed = options.clock_is_replayed ? 1 : 0;
    skeleton.rodata->verifies_checksums = options.clock_is_replayed ? 0 : 1;
    skeleton.rodata->reports_every_repeat = options.reports_repeated ? 1 : 0;
    skeleton.rodata->stamping = options.stamps_bytes != 0 ? 1 : 0;
    bpf_map__set_max_entries(skeleton.maps.flows, state.flow_slots);
    bpf_map__set_max_entries(skeleton.maps.candidates, state.flow_slots);
    if (options.stamps_bytes != 0) {
        bpf_map__set_max_entries(skeleton.maps.stamps, options.stamps_bytes);
    }
    bpf_program__set_autoload(skeleton.progs.flowstamp_collect_stamps, options.stamps_bytes != 0);

    const bool ingress = options.direction != WatchDirection::out;
    const bool xdp = ingress && options.hook != IngressChoice::tc;
    const bool tc =
        ingress && (options.hook == IngressChoice::tc || options.hook == IngressChoice::automatic);
    bpf_program__set_autoload(skeleton.progs.flowstamp_xdp_ingress, xdp);
    bpf_program__set_autoload(skeleton.progs.flowstamp_tc_ingress, tc);
    bpf_program__set_autoload(skeleton.progs.flowstamp_tc_egress,
                              options.direction != WatchDirection::in);
    if (state.clsact) {  // see StubPrograms::load
        const auto none = static_cast<bpf_attach_type>(0);
        bpf_program__set_expected_attach_type(skeleton.progs.flowstamp_tc_ingress, none);
        bpf_program__set_expected_attach_type(skeleton.progs.flowstamp_tc_egress, none);
    }
}

/// Why the kernel refused programs or maps, from errno and libbpf's messages.
Error explain(int error, const LibbpfMessages& messages, const ProbeState& state) {
    Error explained{.operation = "load the probe", .errno_value = error};
    const std::string refused = messages.verifier_verdict();
    const bool about_map = messages.text().find("map 'flows'") != std::string::npos;
    if (const std::string too_old = kernel_too_old(KernelRelease::running()); !too_old.empty()) {
        explained.reason = too_old;
    } else if (!refused.empty()) {
        explained.reason = "the verifier refused " + refused;
        explained.hint = "`flowstamp doctor` shows what this kernel lacks";
    } else if (error == ENOMEM || error == E2BIG || about_map) {
        explained.reason = fmt::format("no memory for a flow table of {} MiB",
                                       state.flow_slots * sizeof(fst_flow) >> 20);
        explained.hint = "choose a lower --max-flows";
    } else if (error == EPERM || error == EACCES) {
        explained.reason = "the kernel does not permit bpf(2) here";
        explained.hint =
            "in a container, or under lockdown or a security module, it must be allowed";
    }
    return explained;
}

int fd_or_none(const bpf_program* program) {
    const int fd = bpf_program__fd(program);
    return fd < 0 ? -1 : fd;
}

Status fill_maps(ProbeState& state) {
    const probe_bpf& skeleton = *state.skeleton;
    const int flows_fd = bpf_map__fd(skeleton.maps.flows);
    PolicyWriter policy(bpf_map__fd(skeleton.maps.policies), state.options.acting());
    if (Status written = policy.set_modes(state.options.drop, state.options.challenge); !written) {
        return written;
    }
    // A frozen map can only be mapped read-only by user space; the programs still write to it.
    if (const int error = bpf_map_freeze(flows_fd); error != 0) {
        return fail_errno("freeze", "the flow table", error);
    }
    Result<FlowTable> flows = FlowTable::map(flows_fd, state.flow_slots);
    if (!flows) {
        return std::unexpected(flows.error());
    }
    state.maps.emplace(
        *std::move(flows), CounterReader(bpf_map__fd(skeleton.maps.counters)), policy,
        bpf_map__fd(skeleton.maps.events),
        StampReader::Descriptors{.ring = bpf_map__fd(skeleton.maps.stamps),
                                 .stamp_buffers = bpf_map__fd(skeleton.maps.stamp_buffers),
                                 .collector = fd_or_none(skeleton.progs.flowstamp_collect_stamps)});
    return {};
}

}  // namespace

void DestroySkeleton::operator()(probe_bpf* skeleton) const {
    probe_bpf__destroy(skeleton);
}

ProgramFds ProbeState::programs() const {
    return {.xdp_ingress = fd_or_none(skeleton->progs.flowstamp_xdp_ingress),
            .tc_ingress = fd_or_none(skeleton->progs.flowstamp_tc_ingress),
            .tc_egress = fd_or_none(skeleton->progs.flowstamp_tc_egress)};
}

Result<std::unique_ptr<ProbeState>> open_state(const ProbeOptions& options) {
    const Result<Capabilities> capabilities = Capabilities::of_this_thread();
    Status fine = check_flows(options.max_flows);
    if (fine && !capabilities) {
        fine = std::unexpected(capabilities.error());
    } else if (fine) {
        fine = require_capabilities(*capabilities);
    }
    if (!fine) {
        return std::unexpected(fine.error());
    }
    const Result<bool> clsact = choose_clsact(options.tc);
    const Result<Seed> seed = options.hash_seed ? Result<Seed>(*options.hash_seed) : draw_seed();
    if (!clsact || !seed) {
        return std::unexpected(!clsact ? clsact.error() : seed.error());
    }
    const LibbpfMessages messages;
    auto state = std::make_unique<ProbeState>();
    state->options = options;
    state->flow_slots = fst_flow_slots(options.max_flows);
    state->clsact = *clsact;
    state->skeleton.reset(probe_bpf__open());
    if (state->skeleton == nullptr) {
        return fail_errno("open", "the probe's programs", errno);
    }
    configure(*state, *seed);
    return state;
}

Status load_state(ProbeState& state) {
    const LibbpfMessages messages;
    if (const int error = probe_bpf__load(state.skeleton.get()); error != 0) {
        return fail(explain(-error, messages, state));
    }
    if (Status filled = fill_maps(state); !filled) {
        return filled;
    }
    if (state.clsact) {
        const ProgramFds programs = state.programs();
        Result<StubPrograms> stubs = StubPrograms::load(programs.tc_ingress, programs.tc_egress);
        if (!stubs) {
            return std::unexpected(stubs.error());
        }
        state.stubs.emplace(*std::move(stubs));
    }
    return {};
}

}  // namespace flowstamp::kernel
