// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>

#include "user/analysis/signal.h"
#include "user/analysis/values.h"

namespace flowstamp::analysis {

/// One piece of evidence for or against a packet, or about a fault of a connection: what was
/// observed, and the baseline. Values only; the output has the words.
struct Evidence {
    Signal signal = Signal::NEARER;
    Strength strength = strength_of(signal);
    Values observed{};                 ///< what the packet held, or what was seen
    std::optional<Values> baseline{};  ///< what its sender's other packets held; nullopt: not known
};

}  // namespace flowstamp::analysis
