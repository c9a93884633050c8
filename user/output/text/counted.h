// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Counts as text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace flowstamp::output {

/// "1 flow", "1234 flows".
[[nodiscard]] std::string counted(std::uint64_t count, std::string_view noun);

/// "1 flow", "1,234 flows".
[[nodiscard]] std::string counted_grouped(std::uint64_t count, std::string_view noun);

/// "1,234,567".
[[nodiscard]] std::string grouped(std::uint64_t number);

/// "999 B", "1.2 MB".
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);

/// "0/s", "2.5/s", "120/s", "1.2k/s".
[[nodiscard]] std::string rate_text(double rate);

}  // namespace flowstamp::output
