// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Events as JSON in the shape of Suricata's EVE; docs/events.schema.json describes each. Numbers
// are JSON numbers; unknown values are absent.
#pragma once

#include <nlohmann/json.hpp>

#include "user/analysis/finding.h"
#include "user/analysis/flow_record.h"
#include "user/analysis/reset/middlebox.h"
#include "user/net/interface_change.h"
#include "user/net/learned_signature.h"
#include "user/output/event.h"

namespace flowstamp::output {

/// Keeps members in the order in which they were added, for readable lines.
using Json = nlohmann::ordered_json;

[[nodiscard]] Json json_of(const analysis::Reset& reset);
[[nodiscard]] Json json_of(const analysis::Finding& finding);
[[nodiscard]] Json json_of(const analysis::Incident& incident);
[[nodiscard]] Json json_of(const analysis::Middlebox& box);
[[nodiscard]] Json json_of(const analysis::FlowRecord& record);
[[nodiscard]] Json json_of(const analysis::Stats& stats);

[[nodiscard]] inline Json json_of(const analysis::Summary& summary) {
    return json_of(summary.stats);
}
/// With its stamps.
[[nodiscard]] Json json_of(const OpenFlow& flow);
[[nodiscard]] Json json_of(const LearnedEntry& entry);
[[nodiscard]] Json json_of(const LeftOut& left_out);
[[nodiscard]] Json json_of(const net::InterfaceChange& change);
[[nodiscard]] Json json_of(const pathtrace::PathReport& report);
[[nodiscard]] Json json_of(const pathtrace::PathStats& stats);
[[nodiscard]] Json json_of(const analysis::compare::Comparison& comparison);

/// The latest stamps of both directions, oldest first: "src" are those sent by end `source`, "dest"
/// those by the other. `offset` converts CLOCK_MONOTONIC to time since 1970.
[[nodiscard]] Json json_of_stamps(const fst_flow& flow, unsigned source, Nanoseconds offset);

}  // namespace flowstamp::output
