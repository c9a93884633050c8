// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace flowstamp {

namespace {

/// A character of UTF-8 (RFC 3629), or one byte that begins none.
struct Character {
    std::size_t bytes = 1;
    std::uint32_t code = 0;
    bool is_valid = false;
};

Character first_of(std::string_view text) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    struct Lead {
        unsigned mask, value;
        std::size_t bytes;
        std::uint32_t least;  ///< anything smaller has a shorter form
    };
    static constexpr std::array kLeads = {Lead{0x80, 0x00, 1, 0}, Lead{0xe0, 0xc0, 2, 0x80},
                                          Lead{0xf0, 0xe0, 3, 0x800}, Lead{0xf8, 0xf0, 4, 0x10000}};
    const auto* const lead = std::ranges::find_if(
        kLeads, [&](const Lead& its) { return (byte(0) & its.mask) == its.value; });
    if (lead == kLeads.end() || lead->bytes > text.size()) {
        return {};
    }
    std::uint32_t code = byte(0) & ~lead->mask;
    for (std::size_t i = 1; i < lead->bytes; ++i) {
        if ((byte(i) & 0xc0U) != 0x80) {
            return {};
        }
        code = code << 6U | (byte(i) & 0x3fU);
    }
    const bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
    return {.bytes = lead->bytes,
            .code = code,
            .is_valid = code >= lead->least && code <= 0x10ffff && !is_surrogate};
}

bool is_control(std::uint32_t code) {
    return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

/// Line and paragraph separators, what directs the writing (UAX #9), and what is not seen at all.
bool is_deceptive(std::uint32_t code) {
    static constexpr std::array<std::pair<std::uint32_t, std::uint32_t>, 6> kRanges = {
        {{0x061c, 0x061c},
         {0x200b, 0x200f},
         {0x2028, 0x202e},
         {0x2060, 0x206f},
         {0xfeff, 0xfeff},
         {0xe0000, 0xe007f}}};
    return std::ranges::any_of(
        kRanges, [&](const auto& range) { return code >= range.first && code <= range.second; });
}

}  // namespace

std::string printable(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    while (!text.empty()) {
        Character next = first_of(text);
        if (!next.is_valid) {
            next.bytes = 1;
        }
        const std::string_view bytes = text.substr(0, next.bytes);
        if (!next.is_valid || is_control(next.code)) {
            for (const char byte : bytes) {
                result += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
            }
        } else if (is_deceptive(next.code)) {
            result += fmt::format("\\u{:04x}", next.code);
        } else {
            result += bytes;
        }
        text.remove_prefix(next.bytes);
    }
    return result;
}

}  // namespace flowstamp
