// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>

#include "flowstamp/flow.h"

namespace flowstamp::analysis {

/// The flow table as it stands now, whoever keeps it: the kernel's, or a capture's.
class SlotReader {
  public:
    virtual ~SlotReader() = default;
    /// A copy of what is in the slot; nothing if it is free.
    [[nodiscard]] virtual std::optional<fst_flow> read(std::uint32_t slot) const = 0;
};

}  // namespace flowstamp::analysis
