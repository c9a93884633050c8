// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <nlohmann/json.hpp>

#include "user/analysis/values.h"

namespace flowstamp::output {

/// {"ttl": 63, "hops": 1, "later_us": 23000}: numbers are numbers, durations microseconds.
[[nodiscard]] nlohmann::ordered_json json_of(const analysis::Values& values);

}  // namespace flowstamp::output
