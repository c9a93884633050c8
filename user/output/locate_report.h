// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>

#include "flowstamp/flow.h"
#include "user/base/clock.h"
#include "user/locate/box_place.h"
#include "user/locate/hop_trace.h"
#include "user/output/sink.h"
#include "user/output/style.h"

namespace flowstamp::output {

/// What `flowstamp locate` reports of a flow: its hops, then where the box stands. As text, or as
/// JSON lines: an event `hop` each, then one `locate` (docs/events.schema.json).
class LocateReport {
  public:
    /// `own`: the end of the flow that is here. `output` outlives it.
    LocateReport(Output& output, Style style, bool json, const fst_flow_key& key, unsigned own)
        : output_(output), style_(style), json_(json), key_(key), own_(own & 1U) {}

    /// `wall`: nanoseconds since 1970.
    void hop(const locate::Hop& hop, Nanoseconds wall);
    /// `peer`: routers between the peer and here.
    void place(const locate::BoxPlace& place, std::optional<unsigned> peer, Nanoseconds wall);

  private:
    Output& output_;
    Style style_;
    bool json_;
    fst_flow_key key_;
    unsigned own_;
};

}  // namespace flowstamp::output
