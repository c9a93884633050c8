// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "tests/bench/results.h"

namespace flowstamp::bench {

/// A comparison whose rounds are spread over the whole run: the machine's own speed drifts.
class Measurement {
  public:
    virtual ~Measurement() = default;
    /// Loads what it needs, takes some rounds and lets go of it.
    virtual void take_rounds() = 0;
    virtual void report(Results& results) const = 0;
};
using Measurements = std::vector<std::unique_ptr<Measurement>>;

/// What the real programs cost, beside others.
[[nodiscard]] Measurements program_costs();

}  // namespace flowstamp::bench
