// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flowstamp/config.h"
#include "user/analysis/finding.h"
#include "user/cmd/command_line.h"
#include "user/cmd/evidence_option.h"
#include "user/output/style.h"
#include "user/output/text/event_times.h"

namespace flowstamp::cmd {

/// Where a replay's data path runs.
enum class Backend { host, kernel };

struct ReplayOptions {
    static constexpr std::string_view kCommand = "replay";

    std::vector<std::string> reads{};  ///< given with -r
    std::vector<std::string> words{};  ///< captures, then a filter: see arguments.h
    Backend backend = Backend::host;
    bool learn = true;  ///< write the signatures of confirmed injectors to the data path
    bool json = false;
    std::optional<std::string> output{};  ///< a file instead of standard output
    EvidenceOptions evidence{};
    std::uint32_t snap_bytes = 0;  ///< of each packet in evidence, if its headers are shorter
    bool fail_on_any = false;
    std::vector<analysis::FindingKind> fail_on{};  ///< findings that make the exit status 3
    std::optional<std::uint64_t> count{};          ///< findings after which it ends
    std::uint32_t max_flows = FST_FLOWS_DEFAULT;
    bool summarize = false;  ///< of an incident's findings only the first
    output::ColourChoice colour = output::ColourChoice::automatic;
    output::TimeForm times = output::TimeForm::local;  ///< in text
    bool quiet = false;
    int verbosity = 0;  ///< how often -v was given
};

void add_command(CommandLine& line, ReplayOptions& options);

/// An error that single options do not show; empty if there is none.
[[nodiscard]] std::string objection(const ReplayOptions& options);

}  // namespace flowstamp::cmd
