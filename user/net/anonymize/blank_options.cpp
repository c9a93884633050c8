// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/anonymize/blank_options.h"

#include <algorithm>
#include <cstddef>

namespace flowstamp::net {

namespace {

constexpr std::size_t kKindAndLength = 2;

/// The bytes of a TCP option that stay.
std::size_t kept_bytes(std::span<const std::uint8_t> option) {
    enum Kind : std::uint8_t { mss = 2, wscale, sack_permitted, sack, timestamps = 8, mptcp = 30 };
    constexpr unsigned kAddAddress = 3;
    switch (option[0]) {
        case mss:
        case wscale:
        case sack_permitted:
        case sack:
        case timestamps:
            return option.size();
        case mptcp:
            return option.size() > kKindAndLength && option[kKindAndLength] >> 4 == kAddAddress
                       ? kKindAndLength + 2
                       : option.size();
        default:
            return kKindAndLength;
    }
}

}  // namespace

void blank_options(std::span<std::uint8_t> options, OptionsOf of) {
    constexpr std::uint8_t kEnd = 0, kNop = 1, kPad1 = 0;
    while (!options.empty()) {
        const std::uint8_t kind = options[0];
        if (of == OptionsOf::ipv6 ? kind == kPad1 : kind == kNop) {
            options = options.subspan(1);
            continue;
        }
        if (options.size() < kKindAndLength || (of != OptionsOf::ipv6 && kind == kEnd)) {
            std::ranges::fill(options.subspan(1), 0);
            return;
        }
        // What is malformed ends with the header.
        const std::size_t length = options[1] + (of == OptionsOf::ipv6 ? kKindAndLength : 0);
        const bool is_right = length >= kKindAndLength && length <= options.size();
        const auto option = options.first(is_right ? length : options.size());
        const std::size_t kept =
            of == OptionsOf::tcp && is_right ? kept_bytes(option) : kKindAndLength;
        std::ranges::fill(option.subspan(std::min(kept, option.size())), 0);
        options = options.subspan(option.size());
    }
}

}  // namespace flowstamp::net
