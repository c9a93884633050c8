// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "user/base/result.h"
#include "user/cmd/description.h"

namespace flowstamp::cmd {

/// One line of a configuration file: `key = value`, where the value is true, false, text, a whole
/// number, or an array of these.
struct Setting {
    std::string key{};
    std::uint32_t line = 0;             ///< from 1
    std::vector<std::string> values{};  ///< as on a command line: "true", "4096"
    bool is_flag = false;               ///< true or false, without quotes
};

/// Reads TOML (toml.io, 1.0), in the order of the lines. `path`: what errors call the file. Fails
/// with the line of what is not TOML, or has no place on a command line: a table, a date.
[[nodiscard]] Result<std::vector<Setting>> parse_config(std::string_view text,
                                                        const std::string& path);

/// The words of a command line that say the same as `setting`; none if it is `false`. Fails if
/// `command` has no such option, naming the nearest, or takes no such value. The error has neither
/// file nor line.
[[nodiscard]] Result<std::vector<std::string>> words_of(const Setting& setting,
                                                        const CommandDescription& command);

}  // namespace flowstamp::cmd
