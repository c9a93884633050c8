// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>

#include "user/analysis/signal.h"
#include "user/analysis/values.h"

namespace flowstamp::analysis {

/// One thing that speaks for or against a packet, or shows what is wrong with a connection: what was
/// seen, and what it stands out from. Numbers, no words: the output has those.
struct Evidence {
    Signal signal = Signal::NEARER;
    Strength strength = strength_of(signal);
    Values observed{};  ///< what the packet held, or what was seen
    std::optional<Values>
        baseline{};  ///< what its sender's other packets held; nothing where none did
};

}  // namespace flowstamp::analysis
