// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <functional>

#include "user/analysis/reset/policy_sink.h"
#include "user/analysis/slot_reader.h"
#include "user/analysis/stats.h"
#include "user/base/result.h"

namespace flowstamp::analysis {

/// The data path that a session runs on, live or replayed: its flow table, its counters, and the
/// policy that it accepts.
class Datapath : public SlotReader, public PolicySink {
  public:
    using Visit = std::function<void(std::uint32_t slot, const fst_flow& flow)>;

    /// Number of slots in the flow table.
    [[nodiscard]] virtual std::uint32_t slots() const = 0;
    /// Visits the flows in slots [first, first + count), clipped to the table. Returns the slot to
    /// continue at: 0 when the end was reached.
    virtual std::uint32_t scan(std::uint32_t first, std::uint32_t count, const Visit& visit) = 0;
    [[nodiscard]] virtual Result<DatapathStats> stats() const = 0;
};

}  // namespace flowstamp::analysis
