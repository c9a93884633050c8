// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Attaches the path programs, all by links, which end with the process.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <expected>
#include <string>
#include <utility>

#include "flowstamp/path.h"
#include "path.skel.h"
#include "user/kernel/attach/interface.h"
#include "user/kernel/features/libbpf_messages.h"
#include "user/pathtrace/live/path_state.h"
#include "vmlinux/uapi.h"

namespace flowstamp::pathtrace {

namespace {

/// How many priorities are tried for a station, if others have them.
constexpr std::size_t kTries = 256;

/// The link, or a positive errno.
std::expected<kernel::BpfLink, int> link_netfilter(int program_fd, const Station& station) {
    LIBBPF_OPTS(bpf_link_create_opts, options);
    options.netfilter.pf = station.pf;
    options.netfilter.hooknum = station.hook;
    options.netfilter.priority = station.priority;
    const int fd = bpf_link_create(program_fd, 0, BPF_NETFILTER, &options);
    if (fd < 0) {
        return std::unexpected(-fd);
    }
    return kernel::BpfLink(fd);
}

/// Attaches at the first priority of its gap that is free: that is known by trying alone.
std::expected<kernel::BpfLink, int> attach_netfilter(int program_fd, StationState& state) {
    Station& its = state.station;
    const std::int32_t wanted = its.priority, end = its.up_to.value_or(wanted);
    for (;;) {
        std::expected<kernel::BpfLink, int> link = link_netfilter(program_fd, its);
        if (link || link.error() != EBUSY) {
            return link;
        }
        state.taken.push_back(its.priority);
        if (its.priority == end || state.taken.size() == kTries) {
            its.priority = wanted;
            return link;
        }
        its.priority += end < its.priority ? -1 : 1;
    }
}

/// Why there is no station, and what is not seen therefore.
std::string missing_text(const StationState& state, int error) {
    const Station& its = state.station;
    if (its.kind != Station::Kind::netfilter) {
        return fmt::format("{}: no station: {}", its.text(), std::strerror(error));
    }
    std::string text = its.text();
    if (error == EBUSY && state.taken.size() > 1) {
        text += fmt::format(" to {}", state.taken.back());
    }
    return fmt::format(
        "{}: no station: {}; what is lost before and after it is told as lost in one place", text,
        error == EBUSY ? "taken by other programs" : std::strerror(error));
}

std::expected<kernel::BpfLink, int> attach_tc(int program_fd, const Station& station) {
    const Result<kernel::Interface> interface = kernel::find_interface(station.interface);
    if (!interface) {
        return std::unexpected(interface.error().errno_value);
    }
    return station.kind == Station::Kind::tc_ingress
               ? kernel::link_tcx(program_fd, interface->index, BPF_TCX_INGRESS,
                                  kernel::ChainEnd::first)
               : kernel::link_tcx(program_fd, interface->index, BPF_TCX_EGRESS,
                                  kernel::ChainEnd::last);
}

void attach_station(PathProbeState& state, std::size_t i) {
    StationState& at = state.stations[i];
    if (state.programs[i] == nullptr) {
        at.attached = state.is_beside_tc && at.station.kind != Station::Kind::netfilter;
        return;  // already reported, for all of its kind
    }
    const int program_fd = bpf_program__fd(state.programs[i]);
    std::expected<kernel::BpfLink, int> link = at.station.kind == Station::Kind::netfilter
                                                   ? attach_netfilter(program_fd, at)
                                                   : attach_tc(program_fd, at.station);
    if (!link) {
        state.notices.push_back({missing_text(at, link.error())});
        return;
    }
    at.attached = true;
    state.station_links.emplace(i, *std::move(link));
}

/// False, with a notice, if the kernel does not have the tracepoint.
bool attach_tracepoint(PathProbeState& state, const bpf_program* program, std::size_t kind) {
    if (bpf_program__fd(program) < 0) {
        return false;  // reported when it was not loaded
    }
    const int fd = bpf_raw_tracepoint_open(nullptr, bpf_program__fd(program));
    if (fd < 0) {
        state.notices.push_back({fmt::format("{}: {}", unseen_without(kind), std::strerror(-fd))});
        return false;
    }
    state.links.emplace_back(fd);
    return true;
}

}  // namespace

void attach_path(PathProbeState& state) {
    const kernel::LibbpfMessages quiet;
    const auto& programs = state.skeleton->progs;
    state.sees_drops = attach_tracepoint(state, programs.flowstamp_path_dropped, kDropped);
    attach_tracepoint(state, programs.flowstamp_path_consumed, kConsumed);
    attach_tracepoint(state, programs.flowstamp_path_socket, kSocket);
    if (bpf_program__fd(programs.flowstamp_path_received) >= 0) {
        state.is_beside_tc =
            attach_tracepoint(state, programs.flowstamp_path_received, kBesideTc) &&
            attach_tracepoint(state, programs.flowstamp_path_queued, kBesideTc);
    }
    for (const Station& station : state.options.stations) {
        attach_next(state, station);
    }
}

void attach_added(PathProbeState& state, const std::vector<Station>& stations) {
    const kernel::LibbpfMessages quiet;
    const auto& programs = state.added.back()->progs;
    if (bpf_program__fd(programs.flowstamp_path_received) >= 0) {
        attach_tracepoint(state, programs.flowstamp_path_received, kBesideTc);
        attach_tracepoint(state, programs.flowstamp_path_queued, kBesideTc);
    }
    for (const Station& station : stations) {
        attach_next(state, station);
    }
}

void attach_next(PathProbeState& state, const Station& station) {
    state.stations.push_back({.station = station, .wanted = station.priority});
    attach_station(state, state.stations.size() - 1);
}

}  // namespace flowstamp::pathtrace
