// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "user/output/report/report.h"

namespace flowstamp::output {

/// An event of JSON lines, as a page shows it.
struct EventLine {
    std::uint64_t id = 0;                ///< of the box or incident
    std::string capture{};               ///< that it is about; empty: none is named
    std::optional<ReportEntry> entry{};  ///< of a finding; without `source`
    std::string box{};                   ///< in words
    std::string incident{};              ///< in words
};

/// Reads a line that json_of() made (docs/events.schema.json). Empty: a kind that a page does not
/// show, or one that lacks members. nullopt: no JSON object.
[[nodiscard]] std::optional<EventLine> event_of_line(std::string_view line);

}  // namespace flowstamp::output
