// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/nft_trace_drop.h"

#include <charconv>
#include <sstream>

#include "user/netfilter/quoted_lines.h"

namespace flowstamp::netfilter {

std::optional<NftTraceDrop> parse_nft_trace_drop(std::string_view line) {
    while (line.ends_with(' ')) {
        line.remove_suffix(1);
    }
    std::istringstream words{std::string(line)};
    std::string trace, id, number, family, what;
    NftTraceDrop drop;
    words >> trace >> id >> number >> family >> drop.table >> drop.chain >> what;
    const auto known = family_named(family);
    if (trace != "trace" || id != "id" || !known) {
        return std::nullopt;
    }
    drop.family = *known;
    if (what == "policy") {
        return line.ends_with(" policy drop") ? std::optional(drop) : std::nullopt;
    }
    constexpr std::string_view verdict = " (verdict drop)";
    constexpr std::string_view mark = "# handle ";
    if (what != "rule" || !line.ends_with(verdict)) {
        return std::nullopt;
    }
    line.remove_suffix(verdict.size());
    const std::size_t at = line.rfind(mark);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    std::uint64_t handle = 0;
    const char* const end = line.data() + line.size();
    const auto [stop, trouble] = std::from_chars(line.data() + at + mark.size(), end, handle);
    if (trouble != std::errc{} || stop != end) {
        return std::nullopt;
    }
    drop.handle = handle;
    return drop;
}

std::vector<NftTraceDrop> take_nft_trace_drops(std::string& text) {
    std::vector<NftTraceDrop> drops;
    const QuotedLines all = quoted_lines(text, Backslash::is_ordinary);
    for (const std::string_view line : all.lines) {
        if (auto drop = parse_nft_trace_drop(line)) {
            drops.push_back(std::move(*drop));
        }
    }
    // A quote that nft has left open hides what follows, until another one; but not all memory.
    constexpr std::size_t kLongest = 64UL << 10;
    text = all.rest.size() > kLongest ? std::string() : std::string(all.rest);
    return drops;
}

}  // namespace flowstamp::netfilter
