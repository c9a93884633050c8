// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "user/base/clock.h"
#include "user/base/result.h"

namespace flowstamp {

/// "2026-11-20T12:00:00.123456+0000": Suricata's EVE form, always UTC, cut to microseconds.
/// `realtime` is nanoseconds since 1970; times before 1970 are written right, too.
[[nodiscard]] std::string eve_timestamp(Nanoseconds realtime);

/// "12:00:00.123456", UTC: the text report's form.
[[nodiscard]] std::string clock_text(Nanoseconds realtime);

/// A length of time as people say it: "850 ns", "37 us", "1.2 ms", "3.4 s", "2 min 5 s", "3 h 12
/// min".
[[nodiscard]] std::string duration_text(Nanoseconds length);

/// "500ms", "10s", "5m", "2h", "1d", "1.5s"; a bare number is seconds. Fails on anything else, on
/// negative lengths and on what nanoseconds in 64 bits cannot hold.
[[nodiscard]] Result<Nanoseconds> parse_duration(std::string_view text);

}  // namespace flowstamp
