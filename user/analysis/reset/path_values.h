// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>

#include <cstdint>

#include "flowstamp/flow.h"
#include "user/analysis/values.h"

namespace flowstamp::analysis {

/// The TTLs of a side's packets, and the fewest hops among them; nullopt if none was seen.
[[nodiscard]] std::optional<Values> path_baseline(const fst_direction& direction);

/// Whether a TTL shows how far its sender is. Hardly any host starts at 32, and no path has more than
/// FST_HOPS_MAX routers: what arrives with another TTL was sent with one of a box's own choice, or
/// one counted down from a copied one. It is a sign, and no count of routers.
[[nodiscard]] bool tells_distance(std::uint8_t ttl);

}  // namespace flowstamp::analysis
