// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "user/kernel/interface.h"

namespace flowstamp {

enum class Standing {
    ok,
    limited,  ///< the command runs, with less
    missing,  ///< the command cannot run: `watch`; `path` in what check_path() tells
};

/// One thing looked at, and what follows for the user.
struct Check {
    Standing standing = Standing::ok;
    std::string subject;
    std::string text;
};

using Checks = std::vector<Check>;

/// "ok", "limited", "missing".
[[nodiscard]] const char* standing_text(Standing standing);

/// Privileges, and what the kernel can do; the programs themselves are loaded and let go.
[[nodiscard]] Checks check_kernel();

/// What `path` works by: privileges, the kinds of stations and tracepoints, and what it reads
/// rulesets with.
[[nodiscard]] Checks check_path();

/// What dead runs had left; removed on the way.
[[nodiscard]] Checks check_leftovers();

/// One interface, which can always be watched somehow.
[[nodiscard]] Checks check_interface(const Interface& interface);

}  // namespace flowstamp
