// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/event_times.h"

#include <fmt/format.h>

#include <chrono>

#include "user/base/time_text.h"

namespace flowstamp::output {

namespace {

/// "-0.250000".
std::string seconds_text(Nanoseconds length) {
    constexpr std::int64_t kSecond = 1'000'000;
    const std::int64_t us =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::abs(length)).count();
    return fmt::format("{}{}.{:06}", length < Nanoseconds::zero() ? "-" : "", us / kSecond,
                       us % kSecond);
}

}  // namespace

std::string EventTimes::text(Nanoseconds wall) {
    first_ = first_.value_or(wall);
    if (form_ == TimeForm::relative) {
        return seconds_text(wall - *first_);
    }
    const TimeZone zone = form_ == TimeForm::local ? TimeZone::local : TimeZone::utc;
    const std::string date = date_text(wall, zone);
    if (first_date_.empty()) {
        first_date_ = date;
    }
    shows_date_ = shows_date_ || date != first_date_;
    return (shows_date_ ? date + " " : "") + clock_text(wall, zone);
}

}  // namespace flowstamp::output
