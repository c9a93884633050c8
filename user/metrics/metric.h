// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <span>
#include <string_view>

namespace flowstamp::metrics {

enum class Metric {
#define METRIC(name, type, label, help) name,
#include "user/metrics/metrics.def"
};

enum class MetricType { counter, gauge };

/// An entry of metrics.def.
struct MetricEntry {
    Metric metric;
    std::string_view name;  ///< as shown: "flowstamp_packets_total"
    MetricType type;
    std::string_view labels;  ///< their names, with commas; empty: none
    std::string_view help;
};

/// All of them, in the order of their declaration.
[[nodiscard]] std::span<const MetricEntry> every_metric();

}  // namespace flowstamp::metrics
