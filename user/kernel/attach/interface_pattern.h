// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What `-i` may name besides an interface: "any", "eth*".
#pragma once

#include <string>

namespace flowstamp::kernel {

/// Whether it stands for interfaces rather than naming one: "any", or with *, ? or [ as in glob(7).
[[nodiscard]] bool is_pattern(const std::string& name);

/// Whether the interface called `name` is one of those.
[[nodiscard]] bool matches(const std::string& pattern, const std::string& name);

}  // namespace flowstamp::kernel
