// SPDX-License-Identifier: Apache-2.0
// Events as JSON, shaped as Suricata's EVE; docs/events.schema.json describes each. Numbers are
// numbers; what is not known is absent.
#pragma once

#include <nlohmann/json.hpp>

#include "user/detect/finding.h"
#include "user/flow/flow_record.h"
#include "user/report/stats.h"

namespace flowstamp {

/// Keeps the order in which members are added: readable lines.
using Json = nlohmann::ordered_json;

[[nodiscard]] Json json_of(const Reset& reset);
[[nodiscard]] Json json_of(const Finding& finding);
[[nodiscard]] Json json_of(const FlowRecord& record);
[[nodiscard]] Json json_of(const Stats& stats);

/// A direction's latest stamps, the oldest first. `now_us` and `wall` are one moment, the former as
/// stamps count: CLOCK_MONOTONIC in microseconds, low 32 bits.
[[nodiscard]] Json json_of_stamps(const fs_direction& direction, std::uint32_t now_us,
                                  Nanoseconds wall, bool is_v4);

}  // namespace flowstamp
