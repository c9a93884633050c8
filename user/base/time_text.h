// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>
#include <string_view>

#include "user/base/clock.h"
#include "user/base/result.h"

namespace flowstamp {

/// "2026-11-20T12:00:00.123456+0000": Suricata's EVE format, always UTC, truncated to
/// microseconds. `realtime` is nanoseconds since 1970; negative values are formatted correctly too.
[[nodiscard]] std::string eve_timestamp(Nanoseconds realtime);

/// Whose clock a time is shown on: UTC's, or that of the time zone of this process (TZ, or
/// /etc/localtime).
enum class TimeZone { utc, local };

/// "12:00:00.123456": the format of the text report.
[[nodiscard]] std::string clock_text(Nanoseconds realtime, TimeZone zone);
/// "2026-11-20".
[[nodiscard]] std::string date_text(Nanoseconds realtime, TimeZone zone);

/// A duration for people: "850 ns", "37 us", "1.2 ms", "3.4 s", "2 min 5 s", "3 h 12 min".
[[nodiscard]] std::string duration_text(Nanoseconds length);

/// "500ms", "10s", "5m", "2h", "1d", "1.5s"; a bare number is seconds. Fails on anything else, on
/// negative durations and on those that 64 bits of nanoseconds cannot hold.
[[nodiscard]] Result<Nanoseconds> parse_duration(std::string_view text);

}  // namespace flowstamp
