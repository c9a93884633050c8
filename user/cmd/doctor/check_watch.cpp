// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What a watch would cost here, and what its findings would lack.
#include <fmt/format.h>
#include <linux/capability.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <sstream>
#include <string>

#include "flowstamp/config.h"
#include "user/base/read_file.h"
#include "user/cmd/doctor/check.h"
#include "user/kernel/features/capabilities.h"

namespace flowstamp::cmd {

namespace {

/// A flow's share of the kernel's table and of what is remembered of it here: docs/performance.md.
constexpr std::uint64_t kFlowBytes = 500;
/// Of the memory that is available, at most this part for flows.
constexpr std::uint64_t kShare = 4;
constexpr std::uint64_t kMegabyte = 1'000'000;

/// "MemAvailable" of /proc/meminfo, in bytes.
std::optional<std::uint64_t> available_memory(const std::string& meminfo) {
    std::istringstream lines(meminfo);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string name;
        std::uint64_t kibibytes = 0;
        if (words >> name >> kibibytes && name == "MemAvailable:") {
            return kibibytes * 1024;
        }
    }
    return std::nullopt;
}

}  // namespace

Check check_memory(const std::string& meminfo) {
    const auto available = available_memory(meminfo);
    if (!available) {
        return {CheckStatus::ok, "flows", "how many the memory holds is not known"};
    }
    const std::uint64_t fit = *available / kShare / kFlowBytes;
    const std::uint64_t most =
        std::clamp<std::uint64_t>(std::bit_floor(fit | 1), FST_FLOWS_MIN, FST_FLOWS_MAX);
    const std::uint64_t usual = FST_FLOWS_DEFAULT * kFlowBytes / kMegabyte;
    if (fit < FST_FLOWS_DEFAULT) {
        return {CheckStatus::limited, "flows",
                fmt::format("{} take {} MB, and only {} MB are available: --max-flows {}",
                            FST_FLOWS_DEFAULT, usual, *available / kMegabyte, most)};
    }
    return {CheckStatus::ok, "flows",
            fmt::format("{} take {} MB; of the {} MB available a quarter holds --max-flows {}",
                        FST_FLOWS_DEFAULT, usual, *available / kMegabyte, most)};
}

Checks check_watch() {
    Checks checks;
    const auto meminfo = read_file("/proc/meminfo");
    checks.push_back(check_memory(meminfo ? *meminfo : ""));
    const auto held = kernel::Capabilities::of_this_thread();
    const bool names_programs = held && held->has(CAP_SYS_PTRACE) && held->has(CAP_DAC_READ_SEARCH);
    checks.push_back(
        {names_programs ? CheckStatus::ok : CheckStatus::limited, "zero-window",
         names_programs
             ? "names the program that does not read its socket"
             : "without CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH it does not name the program"});
    return checks;
}

}  // namespace flowstamp::cmd
