// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/bench/results.h"

namespace flowstamp::bench {

/// What user space does beside the programs.
void measure_user_space(Results& results);

}  // namespace flowstamp::bench
