// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace flowstamp::kernel {

/// What the kernel has measured of a program.
struct ProgramRuns {
    std::string_view program{};  ///< set by the caller: "xdp_ingress"
    std::uint64_t runs = 0;
    std::uint64_t nanoseconds = 0;  ///< in all these runs
};

/// Nothing unless the kernel has measured runs of it since it was loaded, as it does while
/// kernel.bpf_stats_enabled is 1 (sysctl), or somebody holds a descriptor of BPF_ENABLE_STATS.
[[nodiscard]] std::optional<ProgramRuns> program_runs(int program_fd);

}  // namespace flowstamp::kernel
