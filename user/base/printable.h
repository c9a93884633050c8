// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>
#include <string_view>

namespace flowstamp {

/// The one place through which text from outside (names of interfaces and files, comments of rules,
/// whatever a capture holds) goes into lines for people. The result is valid UTF-8 on one line that
/// can neither control a terminal nor reorder what stands beside it: control characters and bytes
/// that are no UTF-8 become "\x1b", characters that break lines or change the direction of writing
/// "\u202e". Anything else is as it was.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace flowstamp
