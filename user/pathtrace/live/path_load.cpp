// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Loads the path programs. Each station has a program of its own in the object; only those needed
// are loaded. What a kernel refuses is left out, and reported.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/netfilter.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <string>
#include <utility>

#include "flowstamp/path.h"
#include "path.skel.h"
#include "user/kernel/attach/interface.h"
#include "user/kernel/attach/net_namespace.h"
#include "user/kernel/features/features.h"
#include "user/kernel/features/kernel_release.h"
#include "user/kernel/features/libbpf_messages.h"
#include "user/pathtrace/live/path_state.h"

namespace flowstamp::pathtrace {

namespace {

/// The parts that a kernel supports as a whole or not at all.
struct Supported {
    bool netfilter = false;
    bool tc = false;
    bool beside_tc = false;
    bool dropped = true;
    bool consumed = true;
    bool socket = true;
};

struct Part {
    bool Supported::* member;
    const char* name;
    const char* meaning;
    const char* without;
};
constexpr std::array kParts = {
    Part{&Supported::netfilter, "netfilter stations", "before and after each priority in use",
         "no station in a netfilter hook"},
    Part{&Supported::tc, "tc stations", "where packets come in and leave", "no station at tc"},
    Part{&Supported::beside_tc, "stations beside tc", "the same by tracepoints, where tc has none",
         "where packets come in and leave is not seen"},
    Part{&Supported::dropped, "kfree_skb", "drops, with the kernel's reason",
         "no drop is seen, and no drop's reason"},
    Part{&Supported::consumed, "consume_skb", "where a packet is done with",
         "where a packet ends is not seen"},
    Part{&Supported::socket, "tcp_probe", "where a connection's socket gets a packet",
         "where a connection's socket gets a packet is not seen"},
};

/// Why this kernel does not support a part, in the order of kParts; empty: supported.
using Missing = std::array<std::string, kParts.size()>;

Supported all_but(const Missing& missing) {
    Supported supported;
    for (std::size_t i = 0; i < kParts.size(); i++) {
        supported.*kParts[i].member = missing[i].empty();
    }
    supported.beside_tc &= !supported.tc;
    return supported;
}

std::uint32_t place_of(const Station& station) {
    switch (station.kind) {
        case Station::Kind::tc_ingress:
            return FST_PLACE_TC_INGRESS;
        case Station::Kind::tc_egress:
            return FST_PLACE_TC_EGRESS;
        case Station::Kind::netfilter:
            break;
    }
    return FST_PLACE_PREROUTING + station.hook;
}

/// 0: no interface of that name, so no packet ever comes to it.
std::uint32_t index_of(const std::string& interface) {
    const auto found = kernel::find_interface(interface);
    return found ? found->index : 0;
}

/// Number of programs of each kind that are already assigned to stations.
struct Numbers {
    std::uint32_t ipv4 = 0;
    std::uint32_t ipv6 = 0;
    std::uint32_t tc = 0;
};

/// A station's program, and the variable from which it reads its station number.
struct StationProgram {
    std::string name;
    fst_path_station& known;
};

StationProgram next_program(path_bpf& skeleton, const Station& station, Numbers& taken) {
    auto& rodata = *skeleton.rodata;
    if (station.kind != Station::Kind::netfilter) {
        const std::uint32_t number = taken.tc++;
        rodata.tc_interfaces[number] = index_of(station.interface);
        return {fmt::format("flowstamp_tc_{}", number), rodata.tc_stations[number]};
    }
    if (station.pf == NFPROTO_IPV6) {
        const std::uint32_t number = taken.ipv6++;
        return {fmt::format("flowstamp_ipv6_{}", number), rodata.ipv6_stations[number]};
    }
    const std::uint32_t number = taken.ipv4++;
    return {fmt::format("flowstamp_ipv4_{}", number), rodata.ipv4_stations[number]};
}

/// The stations' programs, numbered from 0 for each kind; null if the kind is not supported. `first`:
/// the first station's index.
std::vector<bpf_program*> configure(path_bpf& skeleton, const PathProbeOptions& options,
                                    const Supported& supported, std::size_t first = 0) {
    skeleton.rodata->watched_netns =
        static_cast<std::uint32_t>(kernel::NetNamespace::of_this_thread().inode());
    for (std::size_t i = 0; i < options.others.size(); i++) {
        skeleton.rodata->other_netns[i] = options.others[i].inode;
    }
    skeleton.rodata->only_drops = options.only_drops ? 1 : 0;
    bpf_map__set_max_entries(skeleton.maps.packet_paths, options.max_packet_paths);
    bpf_map__set_max_entries(skeleton.maps.path_events, options.ring_bytes);
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, skeleton.obj) {
        bpf_program__set_autoload(program, false);
    }
    bpf_program__set_autoload(skeleton.progs.flowstamp_path_dropped, supported.dropped);
    bpf_program__set_autoload(skeleton.progs.flowstamp_path_consumed, supported.consumed);
    bpf_program__set_autoload(skeleton.progs.flowstamp_path_socket, supported.socket);
    bpf_program__set_autoload(skeleton.progs.flowstamp_path_received, supported.beside_tc);
    bpf_program__set_autoload(skeleton.progs.flowstamp_path_queued, supported.beside_tc);

    std::vector<bpf_program*> programs;
    Numbers taken;
    for (std::uint32_t i = 0; i < options.stations.size(); i++) {
        const Station& station = options.stations[i];
        const bool hooked = station.kind == Station::Kind::netfilter;
        if (hooked ? !supported.netfilter : !supported.tc && !supported.beside_tc) {
            programs.push_back(nullptr);
            continue;
        }
        const StationProgram its = next_program(skeleton, station, taken);
        its.known = {.index = static_cast<std::uint32_t>(first + i),
                     .place = place_of(station),
                     .priority = station.priority};
        if (!hooked && supported.beside_tc) {
            programs.push_back(nullptr);
            continue;
        }
        programs.push_back(bpf_object__find_program_by_name(skeleton.obj, its.name.c_str()));
        bpf_program__set_autoload(programs.back(), true);
    }
    return programs;
}

/// 0 with the loaded skeleton in `state`, or a positive errno.
int try_load(PathProbeState& state, const PathProbeOptions& options, const Supported& supported) {
    state.skeleton.reset(path_bpf__open());
    if (!state.skeleton) {
        return errno;
    }
    state.programs = configure(*state.skeleton, options, supported);
    state.has_netfilter = supported.netfilter;
    state.has_tc = supported.tc;
    state.has_beside_tc = supported.beside_tc;
    const int error = -path_bpf__load(state.skeleton.get());
    if (error != 0) {
        state.skeleton.reset();
    }
    return error;
}

/// One station of each kind, which is enough for a test.
PathProbeOptions one_of_each(const PathProbeOptions& options) {
    PathProbeOptions few = options;
    few.stations.clear();
    for (const Station::Kind kind : {Station::Kind::netfilter, Station::Kind::tc_egress}) {
        few.stations.push_back({.kind = kind});
    }
    return few;
}

/// Tests each part by itself, except those known to be missing.
void try_each(PathProbeState& state, Missing& missing) {
    const PathProbeOptions few = one_of_each(state.options);
    for (std::size_t i = 0; i < kParts.size(); i++) {
        if (!missing[i].empty()) {
            continue;
        }
        Supported alone{.dropped = false, .consumed = false, .socket = false};
        alone.*kParts[i].member = true;
        const kernel::LibbpfMessages messages;
        if (const int error = try_load(state, few, alone); error != 0) {
            const std::string verdict = messages.verifier_verdict();
            missing[i] = fmt::format(
                "the kernel refused the program: {}",
                verdict.empty() ? fail_errno("load", "", error).error().message() : verdict);
        }
    }
}

/// What is missing for reasons known in advance.
Missing known_missing(const PathProbeOptions& options) {
    const std::string release = kernel::KernelRelease::running().text;
    Missing missing;
    if (!kernel::has_netfilter_links()) {
        missing[kNetfilter] =
            fmt::format("needs kernel 6.4 or later with BPF netfilter links, this is {}", release);
    }
    if (!options.tcx) {
        missing[kTc] = "it was not requested";
    } else if (!kernel::has_tcx()) {
        missing[kTc] = fmt::format("needs kernel 6.6 or later, this is {}", release);
    }
    return missing;
}

bool none_left(const Missing& missing) {
    return std::ranges::none_of(missing, &std::string::empty);
}

/// Loads all of `wanted` that is not missing; what the kernel refuses is missing from then on.
Status load_supported(PathProbeState& state, const PathProbeOptions& wanted, Missing& missing) {
    if (!kernel::has_kernel_btf()) {
        return fail({.operation = "follow packets through this host",
                     .reason = "this kernel has no BTF (/sys/kernel/btf/vmlinux)",
                     .hint = "it needs one built with CONFIG_DEBUG_INFO_BTF"});
    }
    const kernel::LibbpfMessages messages;
    int error = try_load(state, wanted, all_but(missing));
    if (error != 0) {
        try_each(state, missing);
        error = none_left(missing) ? error : try_load(state, wanted, all_but(missing));
    }
    if (error != 0) {
        return fail({.operation = "load the path's programs",
                     .errno_value = error,
                     .reason = messages.verifier_verdict(),
                     .hint = "`flowstamp doctor` shows what this kernel lacks"});
    }
    return {};
}

}  // namespace

const char* unseen_without(std::size_t kind) {
    return kParts[kind].without;
}

void DestroyPathSkeleton::operator()(path_bpf* skeleton) const {
    path_bpf__destroy(skeleton);
}

Status load_path(PathProbeState& state) {
    Missing missing = known_missing(state.options);
    const Status loaded = load_supported(state, state.options, missing);
    for (std::size_t i = 0; i < kParts.size(); i++) {
        if (!missing[i].empty()) {
            const bool is_replaced = i == kTc && missing[kBesideTc].empty();
            state.notices.push_back({fmt::format(
                "{}: {}",
                is_replaced ? "the stations at tc are tracepoints beside it" : kParts[i].without,
                missing[i])});
        }
    }
    return loaded;
}

Status load_added(PathProbeState& state, const std::vector<Station>& stations) {
    const kernel::LibbpfMessages messages;
    PathSkeleton added(path_bpf__open());
    if (!added) {
        return fail_errno("open", "the path's programs", errno);
    }
    PathProbeOptions options = state.options;
    options.stations = stations;
    const bool has_tc = std::ranges::any_of(
        stations, [](const Station& its) { return its.kind != Station::Kind::netfilter; });
    const std::vector<bpf_program*> programs =
        configure(*added, options,
                  {.netfilter = state.has_netfilter,
                   .tc = has_tc && state.has_tc,
                   .beside_tc = has_tc && state.has_beside_tc,
                   .dropped = false,
                   .consumed = false,
                   .socket = false},
                  state.stations.size());
    // All but the read-only data: with these the new programs continue the paths of the others.
    const auto& maps = state.skeleton->maps;
    const std::pair<bpf_map*, bpf_map*> shared[] = {{added->maps.packet_paths, maps.packet_paths},
                                                    {added->maps.path_events, maps.path_events},
                                                    {added->maps.path_counters, maps.path_counters},
                                                    {added->maps.bss, maps.bss}};
    for (const auto& [mine, theirs] : shared) {
        if (const int error = bpf_map__reuse_fd(mine, bpf_map__fd(theirs)); error != 0) {
            return fail_errno("share", "the path's maps", -error);
        }
    }
    if (const int error = path_bpf__load(added.get()); error != 0) {
        return fail({.operation = "load the path's programs",
                     .errno_value = -error,
                     .reason = messages.verifier_verdict()});
    }
    state.programs.insert(state.programs.end(), programs.begin(), programs.end());
    state.added.push_back(std::move(added));
    return {};
}

Result<std::vector<PathPart>> path_support() {
    PathProbeState state;
    Missing missing = known_missing(state.options);
    const Status loaded = load_supported(state, one_of_each(state.options), missing);
    if (!loaded && !none_left(missing)) {
        return std::unexpected(loaded.error());
    }
    std::vector<PathPart> parts;
    for (std::size_t i = 0; i < kParts.size(); i++) {
        if (i == kBesideTc && missing[kTc].empty()) {
            continue;  // not needed
        }
        parts.push_back({.name = kParts[i].name,
                         .meaning = kParts[i].meaning,
                         .without = kParts[i].without,
                         .missing = missing[i]});
    }
    return parts;
}

}  // namespace flowstamp::pathtrace
