// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "user/analysis/flow_record.h"
#include "user/base/clock.h"

namespace flowstamp::cmd {

/// A flow at `now` (CLOCK_MONOTONIC) in a few lines: both ends, interface, state, and for each
/// direction counts, TTLs and the latest stamps. Uses only the slot and the interface of the
/// record.
[[nodiscard]] std::string flow_text(const analysis::FlowRecord& record, Nanoseconds now);

}  // namespace flowstamp::cmd
