// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/quoted_lines.h"

#include <cstddef>

namespace flowstamp::netfilter {

QuotedLines quoted_lines(std::string_view text, Backslash backslash) {
    QuotedLines result;
    std::size_t begin = 0;
    bool is_quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '"') {
            is_quoted = !is_quoted;
        } else if (is_quoted && text[i] == '\\' && backslash == Backslash::escapes) {
            ++i;
        } else if (!is_quoted && text[i] == '\n') {
            result.lines.push_back(text.substr(begin, i - begin));
            begin = i + 1;
        }
    }
    result.rest = text.substr(begin);
    result.ends_in_quotes = is_quoted;
    return result;
}

QuotedLines nft_lines(std::string_view listing) {
    QuotedLines result = quoted_lines(listing, Backslash::is_ordinary);
    if (!result.ends_in_quotes) {
        return result;
    }
    result.lines.clear();
    for (std::size_t end = 0; (end = listing.find('\n')) != std::string_view::npos;) {
        result.lines.push_back(listing.substr(0, end));
        listing.remove_prefix(end + 1);
    }
    result.rest = listing;
    return result;
}

}  // namespace flowstamp::netfilter
