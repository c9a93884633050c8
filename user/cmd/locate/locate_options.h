// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "user/cmd/command_line.h"
#include "user/output/style.h"

namespace flowstamp::cmd {

struct LocateOptions {
    static constexpr std::string_view kCommand = "locate";

    std::string flow{};                      ///< as parse_flow() reads it; empty with a finding
    std::optional<std::uint64_t> finding{};  ///< its id in `log`
    std::optional<std::string> log{};        ///< JSON lines of a watch
    std::optional<std::string> output{};     ///< a file instead of standard output
    bool json = false;
    output::ColourChoice colour = output::ColourChoice::automatic;
};

void add_command(CommandLine& line, LocateOptions& options);

/// An error that single options do not show; empty if there is none.
[[nodiscard]] std::string objection(const LocateOptions& options);

}  // namespace flowstamp::cmd
