// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>

#include "user/analysis/incident.h"
#include "user/output/style.h"
#include "user/output/text/event_times.h"

namespace flowstamp::output {

/// "57 clients > 10.2.0.2:8500", "192.0.2.1 > several servers".
[[nodiscard]] std::string ends_text(const analysis::Incident& incident);

/// Two lines: what the incident's findings have in common, then how many there are since when.
[[nodiscard]] std::string incident_text(const analysis::Incident& incident, const Style& style,
                                        EventTimes& times);

}  // namespace flowstamp::output
