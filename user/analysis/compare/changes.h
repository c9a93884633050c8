// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "user/analysis/compare/way.h"
#include "user/analysis/finding.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis::compare {

/// What the way does to its packets, as far as most of them show it.
struct Changes {
    net::Endpoint sender{};            ///< whose packets they are, as the sender's capture shows it
    std::vector<Evidence> evidence{};  ///< as received, and as sent
    Statements summary{};
};

/// Routers between the two captures: what most packets lost of their TTL. Nothing without packets,
/// or where the TTL rises.
[[nodiscard]] std::optional<std::uint8_t> hops_of(const Way& way);

/// What is changed on a way. `sent` and `received` are its first views at the two captures,
/// `sender` the index of its sender in each one's key. A lower TTL is no change, a higher one is.
[[nodiscard]] Changes changes_of(const Way& way, const View& sent, unsigned sender,
                                 const View& received, unsigned sender_there);

/// Whether the address or port of that end is another one at the other capture.
[[nodiscard]] Changes translation_of(const View& sent, unsigned end, const View& received,
                                     unsigned end_there);

}  // namespace flowstamp::analysis::compare
