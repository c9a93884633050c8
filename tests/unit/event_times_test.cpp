// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/event_times.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using output::EventTimes;
using output::TimeForm;

constexpr Nanoseconds kNoon = 1'795'176'000s;  // 2026-11-20T12:00:00Z

TEST(EventTimes, HaveADateFromMidnightOn) {
    EventTimes times(TimeForm::utc);
    EXPECT_EQ(times.text(kNoon + 123456us), "12:00:00.123456");
    EXPECT_EQ(times.text(kNoon + 12h), "2026-11-21 00:00:00.000000");
    EXPECT_EQ(times.text(kNoon + 11h), "2026-11-20 23:00:00.000000") << "told late";
}

TEST(EventTimes, RelativeToTheFirst) {
    EventTimes times(TimeForm::relative);
    EXPECT_EQ(times.text(kNoon), "0.000000");
    EXPECT_EQ(times.text(kNoon + 25h + 7us), "90000.000007");
    EXPECT_EQ(times.text(kNoon - 250ms), "-0.250000");
}

TEST(EventTimes, InTheTimeZoneOfThisProcess) {
    const char* before = std::getenv("TZ");
    const std::string kept = before == nullptr ? "" : before;
    ::setenv("TZ", "XYZ-14", 1);  // 14 hours east
    ::tzset();
    EventTimes times(TimeForm::local);
    EXPECT_EQ(times.text(kNoon), "02:00:00.000000");
    EXPECT_EQ(times.text(kNoon - 3h), "2026-11-20 23:00:00.000000") << "it was the 21st";
    before == nullptr ? ::unsetenv("TZ") : ::setenv("TZ", kept.c_str(), 1);
    ::tzset();
}

}  // namespace
}  // namespace flowstamp
