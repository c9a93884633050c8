// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "user/base/clock.h"
#include "user/cmd/command_line.h"
#include "user/output/style.h"
#include "user/output/text/event_times.h"

namespace flowstamp::cmd {

struct PathOptions {
    static constexpr std::string_view kCommand = "path";

    std::vector<std::string> interfaces{};  ///< "eth0", "web/eth0": in network namespace web
    std::vector<std::string> netns{};  ///< other namespaces: names below /run/netns, process ids
    std::string filter{};              ///< tcpdump syntax; empty: everything
    bool json = false;
    std::optional<std::string> output{};    ///< a file instead of standard output
    std::optional<Nanoseconds> duration{};  ///< nothing: until a signal
    output::ColourChoice colour = output::ColourChoice::automatic;
    output::TimeForm times = output::TimeForm::local;  ///< in text
    bool quiet = false;                                ///< losses only
    bool trace = false;                                ///< also let nft trace the packets
    bool plain = false;                                ///< no live view, even on a terminal
};

void add_command(CommandLine& line, PathOptions& options);

/// An error that single options do not show; empty if there is none.
[[nodiscard]] std::string objection(const PathOptions& options);

}  // namespace flowstamp::cmd
