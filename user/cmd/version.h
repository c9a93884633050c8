// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>
#include <string_view>

namespace flowstamp::cmd {

/// "0.1.0".
[[nodiscard]] std::string_view version();

/// What `--version` prints, without the last line end: this program's version, those of the
/// libraries that it runs with, the oldest kernel, and what the captures and outputs are.
[[nodiscard]] std::string version_text();

}  // namespace flowstamp::cmd
