// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/bench/results.h"

namespace flowstamp::bench {

/// What a packet costs in the programs, over programs that do nothing: hot, and of many flows.
void measure_programs(Results& results);

/// The same with both of two CPUs at work.
void measure_two_cpus(Results& results);

}  // namespace flowstamp::bench
