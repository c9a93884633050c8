// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The events of `flowstamp locate`; docs/events.schema.json describes them.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "flowstamp/flow.h"
#include "user/base/clock.h"
#include "user/locate/box_place.h"
#include "user/locate/hop_trace.h"

namespace flowstamp::output {

/// `own`: the end of the flow `key` that is here; `wall`: nanoseconds since 1970.
[[nodiscard]] nlohmann::ordered_json json_of(const locate::Hop& hop, const fst_flow_key& key,
                                             unsigned own, Nanoseconds wall);

/// `peer`: routers between the peer and here.
[[nodiscard]] nlohmann::ordered_json json_of(const locate::BoxPlace& place,
                                             std::optional<unsigned> peer, const fst_flow_key& key,
                                             unsigned own, Nanoseconds wall);

}  // namespace flowstamp::output
