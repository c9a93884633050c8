// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "user/analysis/finding.h"
#include "user/cmd/command_line.h"
#include "user/output/style.h"
#include "user/output/text/event_times.h"

namespace flowstamp::cmd {

struct CompareOptions {
    static constexpr std::string_view kCommand = "compare";

    std::vector<std::string> captures{};  ///< in the order of the path; at least two
    bool json = false;
    std::optional<std::string> output{};  ///< a file instead of standard output
    std::optional<std::string> report{};  ///< a page for the browser
    bool fail_on_any = false;
    std::vector<analysis::FindingKind> fail_on{};  ///< findings that make the exit status 3
    bool summarize = false;                        ///< of an incident's findings only the first
    output::ColourChoice colour = output::ColourChoice::automatic;
    output::TimeForm times = output::TimeForm::local;  ///< in text
    bool quiet = false;
    int verbosity = 0;  ///< how often -v was given
};

void add_command(CommandLine& line, CompareOptions& options);

/// An error that single options do not show; empty if there is none.
[[nodiscard]] std::string objection(const CompareOptions& options);

}  // namespace flowstamp::cmd
