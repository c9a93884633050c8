// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "user/kernel/attach/interface.h"

namespace flowstamp::cmd {

enum class CheckStatus {
    ok,
    limited,  ///< the command runs, with less
    missing,  ///< the command cannot run: `watch`; `path` in what check_path() tells
};

/// One thing looked at, and what follows for the user.
struct Check {
    CheckStatus status = CheckStatus::ok;
    std::string subject;
    std::string text;
};

using Checks = std::vector<Check>;

/// "ok", "limited", "missing".
[[nodiscard]] const char* status_text(CheckStatus status);

/// Privileges, and what the kernel can do; the programs themselves are loaded and let go.
[[nodiscard]] Checks check_kernel();

/// What `path` works by: privileges, the kinds of stations and tracepoints, and what it reads
/// rulesets with.
[[nodiscard]] Checks check_path();

/// What dead runs had left; removed on the way.
[[nodiscard]] Checks check_stale_state();

/// One interface, which can always be watched somehow.
[[nodiscard]] Checks check_interface(const kernel::Interface& interface);

}  // namespace flowstamp::cmd
