// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>

#include "flowstamp/flow.h"
#include "user/analysis/observation.h"

namespace flowstamp::analysis {

/// Reads the flow table as it is now: the kernel's, or that of a replayed capture.
class SlotReader {
  public:
    virtual ~SlotReader() = default;
    /// A copy of the flow in the slot; nullopt if it is free.
    [[nodiscard]] virtual std::optional<fst_flow> read(std::uint32_t slot) const = 0;
    /// The same; nullopt also if the slot holds another flow by now.
    [[nodiscard]] std::optional<fst_flow> read(const ViewKey& view) const {
        std::optional<fst_flow> flow = read(view.slot);
        if (flow && flow->generation != view.generation) {
            flow.reset();
        }
        return flow;
    }
};

}  // namespace flowstamp::analysis
