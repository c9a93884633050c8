// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>
#include <vector>

#include "user/kernel/attach/interface.h"

namespace flowstamp::cmd {

enum class CheckStatus {
    ok,
    limited,  ///< the command runs, with less detail
    missing,  ///< the command cannot run: `watch`, or `path` for check_path()
};

/// A subject that was checked, and what the result means for the user.
struct Check {
    CheckStatus status = CheckStatus::ok;
    std::string subject;
    std::string text;
};

using Checks = std::vector<Check>;

/// "ok", "limited", "missing".
[[nodiscard]] const char* status_text(CheckStatus status);

/// Privileges and kernel features; loads the programs for a moment.
[[nodiscard]] Checks check_kernel();

/// What `path` needs: privileges, the kinds of stations and tracepoints, and the programs that read
/// rulesets.
[[nodiscard]] Checks check_path();

/// What dead runs left behind; removes it.
[[nodiscard]] Checks check_stale_state();

/// An interface; it can always be watched somehow.
[[nodiscard]] Checks check_interface(const kernel::Interface& interface);

}  // namespace flowstamp::cmd
