// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/other_programs.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "user/kernel/features/bpf_objects.h"
#include "user/kernel/features/libbpf_messages.h"
#include "user/netfilter/nft_trace.h"
#include "user/netfilter/read_ruleset.h"
#include "user/pathtrace/station_plan.h"
#include "vmlinux/uapi.h"

namespace flowstamp::pathtrace {

namespace {

/// r0 = NF_ACCEPT; exit
constexpr std::array<bpf_insn, 2> kAcceptAll = {
    bpf_insn{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 1},
    bpf_insn{.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
};

struct Listed {
    std::uint32_t link;
    OtherProgram program;
};

/// bpf_link_info.netfilter, which headers before 6.4 lack.
struct NetfilterInfo {
    std::uint32_t pf;
    std::uint32_t hook;
    std::int32_t priority;
    std::uint32_t flags;
};

std::optional<Listed> listed(std::uint32_t link) {
    const Fd fd(bpf_link_get_fd_by_id(link));
    bpf_link_info info{};
    __u32 bytes = sizeof(info);
    if (!fd || bpf_link_get_info_by_fd(fd.get(), &info, &bytes) != 0 ||
        info.type != BPF_LINK_TYPE_NETFILTER) {
        return std::nullopt;
    }
    NetfilterInfo its{};
    std::memcpy(&its, &info.raw_tracepoint, sizeof(its));  // the union's begin
    return Listed{.link = link,
                  .program = {.pf = static_cast<std::uint8_t>(its.pf),
                              .hook = static_cast<std::uint8_t>(its.hook),
                              .priority = its.priority,
                              .id = info.prog_id,
                              .name = kernel::program_name(info.prog_id)}};
}

/// The netfilter links of all network namespaces.
std::vector<Listed> all_listed() {
    std::vector<Listed> found;
    for (std::uint32_t link = 0; bpf_link_get_next_id(link, &link) == 0;) {
        if (auto its = listed(link)) {
            found.push_back(*std::move(its));
        }
    }
    return found;
}

/// A station of `path`, in this process or another: it only looks.
bool only_looks(const OtherProgram& its) {
    return its.name.starts_with("flowstamp_ipv");
}

bool same_place(const OtherProgram& one, const OtherProgram& other) {
    return one.pf == other.pf && one.hook == other.hook && one.priority == other.priority;
}

bool is_in_use(const netfilter::Ruleset& ruleset, const OtherProgram& its) {
    const auto in_use = netfilter::priorities_in_use(ruleset, family_of(its.pf), hook_of(its.hook));
    return std::ranges::find(in_use, its.priority, &netfilter::PriorityInUse::priority) !=
           in_use.end();
}

}  // namespace

OtherPrograms::OtherPrograms() {
    const kernel::LibbpfMessages quiet;
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_NETFILTER);
    probe_ = Fd(bpf_prog_load(BPF_PROG_TYPE_NETFILTER, "flowstamp_try", "GPL", kAcceptAll.data(),
                              kAcceptAll.size(), &options));
}

bool OtherPrograms::is_taken(std::uint8_t pf, std::uint8_t hook, std::int32_t priority) const {
    LIBBPF_OPTS(bpf_link_create_opts, options);
    options.netfilter.pf = pf;
    options.netfilter.hooknum = hook;
    options.netfilter.priority = priority;
    const int fd = bpf_link_create(probe_.get(), 0, BPF_NETFILTER, &options);
    if (fd < 0) {
        return fd == -EBUSY;
    }
    const kernel::BpfLink link(fd);  // detaches
    return false;
}

bool OtherPrograms::is_at_station(const OtherProgram& its) const {
    return std::ranges::any_of(stations_, [&](const StationState& state) {
        const Station& station = state.station;
        return state.attached && station.kind == Station::Kind::netfilter && station.pf == its.pf &&
               station.hook == its.hook && station.priority == its.priority;
    });
}

/// The kernel does not tell a link's namespace. But its priority is free if it is in another, or taken
/// by a station of ours.
bool OtherPrograms::is_here(std::uint32_t link, const OtherProgram& its) {
    const auto known = here_.find(link);
    if (known != here_.end()) {
        return known->second;
    }
    return here_[link] = !is_at_station(its) && is_taken(its.pf, its.hook, its.priority);
}

Result<netfilter::Ruleset> OtherPrograms::read_ruleset() {
    auto ruleset = netfilter::read_ruleset();
    if (ruleset) {
        std::erase_if(ruleset->tables, [](const netfilter::Table& table) {
            return table.name.starts_with(netfilter::kTraceTable);
        });
        add_to(*ruleset);
    }
    return ruleset;
}

void OtherPrograms::add_to(netfilter::Ruleset& ruleset) {
    all_ = in_the_way_;
    if (probe_) {
        for (Listed& each : all_listed()) {
            if (!only_looks(each.program) && is_here(each.link, each.program)) {
                each.program.is_here = !is_in_use(ruleset, each.program);
                all_.push_back(std::move(each.program));
            }
        }
    }
    add_programs(ruleset, all_);
}

void OtherPrograms::attached(const std::vector<StationState>& stations,
                             netfilter::Ruleset& ruleset) {
    stations_ = stations;
    const std::vector<Listed> now = all_listed();
    for (const StationState& state : stations) {
        for (const std::int32_t priority : state.taken) {
            const OtherProgram its{
                .pf = state.station.pf, .hook = state.station.hook, .priority = priority};
            const bool is_listed = std::ranges::any_of(
                now, [&](const Listed& each) { return same_place(each.program, its); });
            if (!is_listed && is_taken(its.pf, its.hook, its.priority)) {
                in_the_way_.push_back(its);
            }
        }
    }
    add_programs(ruleset, in_the_way_);
    all_.insert(all_.end(), in_the_way_.begin(), in_the_way_.end());
}

}  // namespace flowstamp::pathtrace
