// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>
#include <string_view>

#include "user/cmd/description.h"

namespace flowstamp::packaging {

/// For scdoc(5): what would begin another font is escaped.
[[nodiscard]] std::string escaped(std::string_view text);

/// The options of a command, as a section of scdoc(5).
[[nodiscard]] std::string options_section(const cmd::CommandDescription& command);

/// Every option that a configuration file may have and that `text`, the rest of that file, does not
/// mention, as a comment: its help, then "#drop = "off"".
[[nodiscard]] std::string settings_comments(const cmd::CommandDescription& command,
                                            const std::string& text);

}  // namespace flowstamp::packaging
