// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/metrics/metric.h"

#include <array>

namespace flowstamp::metrics {

std::span<const MetricEntry> every_metric() {
    static constexpr std::array kAll = {
#define METRIC(name, type, label, help) \
    MetricEntry{Metric::name, "flowstamp_" #name, MetricType::type, label, help},
#include "user/metrics/metrics.def"
    };
    return kAll;
}

}  // namespace flowstamp::metrics
