// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <memory>
#include <vector>

#include "tests/bench/results.h"

namespace flowstamp::bench {

/// A comparison whose rounds are spread over the whole run, as the machine's speed drifts.
class Measurement {
  public:
    virtual ~Measurement() = default;
    /// Loads what it needs, runs some rounds and unloads it.
    virtual void run_rounds() = 0;
    virtual void report(Results& results) const = 0;
};
using Measurements = std::vector<std::unique_ptr<Measurement>>;

/// The costs of the real programs, compared with others.
[[nodiscard]] Measurements program_costs();

}  // namespace flowstamp::bench
