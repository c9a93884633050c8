// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/attach/egress_chain.h"

#include <algorithm>
#include <string_view>

#include "user/kernel/features/bpf_objects.h"
#include "user/kernel/attach/tc_filters.h"
#include "vmlinux/uapi.h"

namespace flowstamp::kernel {

namespace {

/// Another watch's, which ends nothing. Its name is not told without CAP_SYS_ADMIN: then it counts.
constexpr std::string_view kOwnPrograms = "flowstamp_tc";

}  // namespace

std::size_t others_at_egress(std::uint32_t ifindex, bool clsact) {
    if (!clsact) {
        return std::ranges::count_if(tcx_programs(ifindex, BPF_TCX_EGRESS), [](std::uint32_t id) {
            return !program_name(id).starts_with(kOwnPrograms);
        });
    }
    const Result<std::vector<TcFilter>> filters = tc_filters(ifindex, TcDirection::egress);
    return !filters ? 0 : std::ranges::count_if(*filters, [](const TcFilter& filter) {
        return !filter.name.starts_with(kOwnPrograms);
    });
}

}  // namespace flowstamp::kernel
