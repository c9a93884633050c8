// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>

#include "user/base/clock.h"
#include "user/analysis/flow_record.h"

namespace flowstamp::cmd {

/// A flow as it stands at `now` (CLOCK_MONOTONIC), in a few lines: who, where, its state, and for
/// each direction what it sent, from how far, and its latest stamps. Of the record, the slot and the
/// interface are used.
[[nodiscard]] std::string flow_text(const analysis::FlowRecord& record, Nanoseconds now);

}  // namespace flowstamp::cmd
