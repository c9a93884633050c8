// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A command's messages about itself, apart from its report, and its exit status.
#pragma once

#include <string>
#include <string_view>

#include "user/base/result.h"

namespace flowstamp {

/// Exit statuses, the same for every command.
enum ExitStatus : int {
    kDone = 0,
    kFailed = 1,
    kUsage = 2,  ///< bad command line
    kFound = 3,  ///< --fail-on: a finding of that kind was reported
};

/// "flowstamp: LINE" and a line end; LINE made printable().
[[nodiscard]] std::string console_line(std::string_view line);

/// Writes "flowstamp: LINE" to standard error. A failed write (a closed terminal) is ignored.
void say(std::string_view line);

/// Prints the error; returns `status`.
int log_error(const Error& error, int status);

}  // namespace flowstamp
