// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "user/cmd/command_line.h"

namespace flowstamp::cmd {

struct ReportOptions {
    static constexpr std::string_view kCommand = "report";

    std::vector<std::string> sources{};   ///< captures, files of JSON lines, folders of captures
    std::optional<std::string> output{};  ///< "-": standard output
};

void add_command(CommandLine& line, ReportOptions& options);

/// An error that single options do not show; empty if there is none.
[[nodiscard]] std::string objection(const ReportOptions& options);

}  // namespace flowstamp::cmd
