// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "user/base/read_file.h"
#include "user/base/result.h"
#include "user/cmd/command_line.h"
#include "user/cmd/compare/compare_options.h"
#include "user/cmd/demo/demo_options.h"
#include "user/cmd/doctor/doctor_options.h"
#include "user/cmd/flows/flows_options.h"
#include "user/cmd/locate/locate_options.h"
#include "user/cmd/path/path_options.h"
#include "user/cmd/replay/replay_options.h"
#include "user/cmd/report/report_options.h"
#include "user/cmd/watch/watch_options.h"

namespace flowstamp::cmd {

/// The commands, in the order of the help. Each type has its command's name (kCommand), an
/// add_command() that declares its options and, where options can contradict each other, an
/// objection().
using Options = std::variant<WatchOptions, ReplayOptions, ReportOptions, CompareOptions,
                             FlowsOptions, LocateOptions, PathOptions, DemoOptions, DoctorOptions>;

/// Returns the text of a file.
using ReadText = std::function<Result<std::string>(const std::string& path)>;

/// Reads the command line; `arguments` are those after the program's name. The file that --config
/// names is read by `read`, and comes first: the command line wins. Pure but for that: opens
/// nothing, prints nothing.
[[nodiscard]] std::expected<Options, Usage> parse(const std::vector<std::string>& arguments,
                                                  const ReadText& read = read_file);

/// What parse() understands.
[[nodiscard]] std::vector<CommandDescription> describe_commands();

}  // namespace flowstamp::cmd
