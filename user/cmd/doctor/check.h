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

/// Privileges and kernel features; loads the programs briefly.
[[nodiscard]] Checks check_kernel();

/// What a watch would cost, and what its findings would lack.
[[nodiscard]] Checks check_watch();
/// How many flows the memory holds; `meminfo`: the text of /proc/meminfo.
[[nodiscard]] Check check_memory(const std::string& meminfo);

/// What `path` needs: privileges, hooks and tracepoints, and the programs that read rulesets.
[[nodiscard]] Checks check_path();

/// Removes what crashed runs left behind, and lists it.
[[nodiscard]] Checks check_stale_state();

/// An interface. Never `missing`: there is always a hook that works.
[[nodiscard]] Checks check_interface(const kernel::Interface& interface);

}  // namespace flowstamp::cmd
