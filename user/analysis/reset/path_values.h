// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>

#include "flowstamp/flow.h"
#include "user/analysis/values.h"

namespace flowstamp::analysis {

/// The TTLs of a side's packets, and the fewest hops among them; nullopt if none was seen.
[[nodiscard]] std::optional<Values> path_baseline(const fst_direction& direction);

}  // namespace flowstamp::analysis
