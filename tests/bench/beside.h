// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include "tests/bench/other_build.h"
#include "tests/bench/program_costs.h"

namespace flowstamp::bench {

/// The cost of this build and of another one, on the same conversations, in turns: of one flow above
/// a clock read, of many flows above an empty program. The bars are asked of this build.
[[nodiscard]] Measurements beside(const OtherBuild& build);

}  // namespace flowstamp::bench
