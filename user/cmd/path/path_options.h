// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "user/base/clock.h"
#include "user/cmd/command_line.h"

namespace flowstamp::cmd {

struct PathOptions {
    static constexpr std::string_view kCommand = "path";

    std::vector<std::string> interfaces{};
    std::string filter{};  ///< tcpdump syntax; empty: everything
    bool json = false;
    std::optional<std::string> output{};    ///< a file instead of standard output
    std::optional<Nanoseconds> duration{};  ///< nothing: until it is told to end
    bool quiet = false;                     ///< losses only
    bool trace = false;                     ///< let nft trace the packets, too
    bool plain = false;                     ///< no live view, on a terminal either
};

void add_command(CommandLine& line, PathOptions& options);

/// What cannot be seen from one option alone; empty if all is well.
[[nodiscard]] std::string objection(const PathOptions& options);

}  // namespace flowstamp::cmd
