// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <expected>
#include <string>
#include <variant>
#include <vector>

#include "user/cmd/command_line.h"
#include "user/cmd/demo/demo_options.h"
#include "user/cmd/doctor/doctor_options.h"
#include "user/cmd/flows/flows_options.h"
#include "user/cmd/path/path_options.h"
#include "user/cmd/replay/replay_options.h"
#include "user/cmd/watch/watch_options.h"

namespace flowstamp::cmd {

/// The commands, in the order of the help. Each type has its command's name (kCommand), an
/// add_command() that declares its options and, where options can contradict each other, an
/// objection().
using Options = std::variant<WatchOptions, ReplayOptions, FlowsOptions, PathOptions, DemoOptions,
                             DoctorOptions>;

/// Reads the command line; `arguments` are those after the program's name. Pure: opens nothing,
/// prints nothing.
[[nodiscard]] std::expected<Options, Usage> parse(const std::vector<std::string>& arguments);

}  // namespace flowstamp::cmd
