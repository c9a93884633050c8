// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "user/metrics/snapshot.h"

namespace flowstamp::metrics {

/// The metrics of metrics.def that the snapshot has values of, in its order. `age`: of the snapshot.
[[nodiscard]] std::vector<prometheus::MetricFamily> families_of(const Snapshot& snapshot,
                                                                Nanoseconds age);

}  // namespace flowstamp::metrics
