// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/anonymize/header_checksums.h"

#include <ranges>

#include "user/base/checksum.h"

namespace flowstamp::net {

namespace {

using Bytes = std::span<const std::uint8_t>;

/// A sum in 16 bits (one's complement).
std::uint16_t folded(std::uint32_t sum) {
    return static_cast<std::uint16_t>(~checksum(sum));
}

std::uint16_t negative(std::uint16_t sum) {
    return static_cast<std::uint16_t>(~sum);
}

std::uint16_t pseudo_sum(const HeaderChecksums::Checksum& its, Bytes packet) {
    return its.pseudo ? folded(add_words(
                            packet.subspan(its.pseudo->addresses_at, its.pseudo->addresses_bytes),
                            its.pseudo->protocol_and_length))
                      : std::uint16_t{0};
}

std::uint16_t covered_sum(const HeaderChecksums::Checksum& its, Bytes packet) {
    return folded(
        add_words(packet.subspan(its.begin, its.end - its.begin), pseudo_sum(its, packet)));
}

std::uint16_t updated(const HeaderChecksums::Checksum& its, std::uint16_t old, Bytes before,
                      Bytes after) {
    if (its.pseudo && old == pseudo_sum(its, before)) {
        return pseudo_sum(its, after);
    }
    const std::uint16_t sum = covered_sum(its, before);
    if (old == 0 && negative(sum) != 0) {
        return 0;
    }
    // RFC 1624, equation 3; 0 would say that it is not filled in.
    const std::uint16_t now =
        checksum(std::uint32_t{negative(old)} + negative(sum) + covered_sum(its, after));
    return now == 0 ? 0xffff : now;
}

}  // namespace

void HeaderChecksums::update(Bytes before, std::span<std::uint8_t> after) const {
    for (const Checksum& its : std::views::reverse(checksums_)) {
        const auto old = static_cast<std::uint16_t>(before[its.field] << 8 | before[its.field + 1]);
        const std::uint16_t now = updated(its, old, before, after);
        after[its.field] = static_cast<std::uint8_t>(now >> 8);
        after[its.field + 1] = static_cast<std::uint8_t>(now);
    }
}

}  // namespace flowstamp::net
