// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Lines of what nft and iptables print: comments of rules, in quotes, may hold line ends.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace flowstamp::netfilter {

/// What a backslash is in a quoted string: iptables escapes by it, to nft it is like any other.
enum class Backslash { escapes, is_ordinary };

/// The lines of a text, without their ends. A line end in a quoted string does not end one.
struct QuotedLines {
    std::vector<std::string_view> lines{};
    std::string_view rest{};      ///< after the last line end: a line that is not complete
    bool ends_in_quotes = false;  ///< a quote is open in `rest`, which may span several lines
};

[[nodiscard]] QuotedLines quoted_lines(std::string_view text, Backslash backslash);

/// The lines of what nft has listed. nft writes a quote in a string as it is: if a quote is left
/// open, every line end ends a line, and what they say is not to be trusted.
[[nodiscard]] QuotedLines nft_lines(std::string_view listing);

}  // namespace flowstamp::netfilter
