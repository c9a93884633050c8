// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/replay/arguments.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <string_view>

namespace flowstamp::cmd {

namespace {

/// By its prefix or suffix: filters, too, contain slashes ("net 192.0.2.0/24").
bool looks_like_a_path(std::string_view word) {
    constexpr std::array<std::string_view, 4> kBeginnings = {"/", "./", "../", "~/"};
    constexpr std::array<std::string_view, 6> kEndings = {".pcap", ".pcapng", ".cap",
                                                          ".dmp",  ".ntar",   ".gz"};
    return std::ranges::any_of(kBeginnings,
                               [&](std::string_view begin) { return word.starts_with(begin); }) ||
           std::ranges::any_of(kEndings, [&](std::string_view end) { return word.ends_with(end); });
}

}  // namespace

Result<ReplayArguments> separate_arguments(const std::vector<std::string>& reads,
                                           const std::vector<std::string>& words,
                                           const std::function<bool(const std::string&)>& is_file) {
    ReplayArguments arguments{.captures = reads, .filter = {}};
    auto word = words.begin();
    while (reads.empty() && word != words.end() && (*word == "-" || is_file(*word))) {
        arguments.captures.push_back(*word++);
    }
    for (auto rest = word; rest != words.end(); ++rest) {
        const bool first = arguments.captures.empty() && rest == word;
        if (first || looks_like_a_path(*rest)) {
            return fail_errno("open", *rest, is_file(*rest) ? EINVAL : ENOENT,
                              is_file(*rest) ? "captures stand before the filter"
                                             : "name a capture, and then the filter");
        }
    }
    arguments.filter = fmt::format("{}", fmt::join(word, words.end(), " "));
    return arguments;
}

}  // namespace flowstamp::cmd
