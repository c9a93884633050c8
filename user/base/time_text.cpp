// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/time_text.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <limits>

namespace flowstamp {

namespace {

using std::chrono::duration_cast;
using std::chrono::floor;

struct CivilTime {
    std::tm fields{};
    long microseconds = 0;
};

CivilTime civil(Nanoseconds realtime, TimeZone zone = TimeZone::utc) {
    const auto whole = floor<std::chrono::seconds>(realtime);
    const std::time_t seconds = whole.count();
    CivilTime time;
    if (zone == TimeZone::local) {
        ::localtime_r(&seconds, &time.fields);
    } else {
        ::gmtime_r(&seconds, &time.fields);
    }
    time.microseconds = duration_cast<std::chrono::microseconds>(realtime - whole).count();
    return time;
}

/// One decimal below ten, none from ten on: "1.2", "12".
std::string short_number(double value) {
    return value < 9.95 ? fmt::format("{:.1f}", value) : fmt::format("{:.0f}", value);
}

struct Unit {
    std::string_view name;
    double nanoseconds;
};

constexpr std::array kUnits = {
    Unit{"ns", 1},   Unit{"us", 1e3},   Unit{"ms", 1e6},     Unit{"s", 1e9},
    Unit{"m", 60e9}, Unit{"h", 3600e9}, Unit{"d", 86'400e9}, Unit{"", 1e9},
};

}  // namespace

std::string eve_timestamp(Nanoseconds realtime) {
    const CivilTime time = civil(realtime);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}+0000", time.fields.tm_year + 1900,
                       time.fields.tm_mon + 1, time.fields.tm_mday, time.fields.tm_hour,
                       time.fields.tm_min, time.fields.tm_sec, time.microseconds);
}

std::string date_text(Nanoseconds realtime, TimeZone zone) {
    const CivilTime time = civil(realtime, zone);
    return fmt::format("{:04}-{:02}-{:02}", time.fields.tm_year + 1900, time.fields.tm_mon + 1,
                       time.fields.tm_mday);
}

std::string clock_text(Nanoseconds realtime, TimeZone zone) {
    const CivilTime time = civil(realtime, zone);
    return fmt::format("{:02}:{:02}:{:02}.{:06}", time.fields.tm_hour, time.fields.tm_min,
                       time.fields.tm_sec, time.microseconds);
}

std::string duration_text(Nanoseconds length) {
    if (length < Nanoseconds::zero()) {
        return "-" + duration_text(-length);
    }
    const auto ns = static_cast<double>(length.count());
    if (ns < 1e3) {
        return fmt::format("{} ns", length.count());
    }
    if (ns < 999.5e3) {
        return short_number(ns / 1e3) + " us";
    }
    if (ns < 999.5e6) {
        return short_number(ns / 1e6) + " ms";
    }
    if (ns < 59.5e9) {
        return short_number(ns / 1e9) + " s";
    }
    const auto seconds = std::chrono::round<std::chrono::seconds>(length).count();
    if (seconds < 3600) {
        return fmt::format("{} min {} s", seconds / 60, seconds % 60);
    }
    return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
}

Result<Nanoseconds> parse_duration(std::string_view text) {
    const auto refuse = [&] {
        return fail({.operation = {},
                     .object = fmt::format("'{}'", text),
                     .errno_value = 0,
                     .reason = "not a length of time",
                     .hint = "write it like 500ms, 10s, 5m or 2h"});
    };
    double number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc{} || !std::isfinite(number) || std::signbit(number)) {
        return refuse();
    }
    const std::string_view name(end, static_cast<std::size_t>(text.data() + text.size() - end));
    for (const Unit& unit : kUnits) {
        const double nanoseconds = std::round(number * unit.nanoseconds);
        if (name == unit.name && nanoseconds < 0x1p63) {
            return Nanoseconds(static_cast<Nanoseconds::rep>(nanoseconds));
        }
    }
    return refuse();
}

}  // namespace flowstamp
