// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What --help prints, for a terminal of 80 columns.
#pragma once

#include <deque>
#include <string>

#include "user/cmd/description.h"

namespace flowstamp::cmd {

/// The commands, a line each.
[[nodiscard]] std::string overview(const std::string& what_it_is,
                                   const std::deque<CommandDescription>& commands);

enum class HelpForm {
    brief,  ///< without options that few need: fits 24 rows
    whole,
};

/// A command's options, a line each where that is wide enough, and an example.
[[nodiscard]] std::string command_help(const CommandDescription& command, HelpForm form);

}  // namespace flowstamp::cmd
