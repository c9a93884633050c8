// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>
#include <string>

#include "user/base/clock.h"

namespace flowstamp::output {

/// How the text report shows times (`--time`).
enum class TimeForm {
    local,     ///< time of day in the time zone of this process
    utc,       ///< time of day, UTC
    relative,  ///< seconds since the first time that is shown
};

/// Times in a report's lines.
class EventTimes {
  public:
    explicit EventTimes(TimeForm form) : form_(form) {}

    /// "12:00:00.123456"; from the first one of another day on "2026-11-21 00:00:00.123456".
    /// Relative: "3.141593". `wall`: since 1970.
    [[nodiscard]] std::string text(Nanoseconds wall);

  private:
    TimeForm form_;
    std::optional<Nanoseconds> first_{};
    std::string first_date_{};
    bool shows_date_ = false;
};

}  // namespace flowstamp::output
