// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/time_text.h"

#include <gtest/gtest.h>

#include <string>

namespace flowstamp {
namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kNoon = 1'795'176'000s;  // 2026-11-20 12:00:00 UTC

TEST(EveTimestamp, IsSuricatasFormat) {
    EXPECT_EQ(eve_timestamp(kNoon + 123'456'789ns), "2026-11-20T12:00:00.123456+0000");
    EXPECT_EQ(eve_timestamp(0ns), "1970-01-01T00:00:00.000000+0000");
}

TEST(EveTimestamp, RoundsDownBefore1970) {
    EXPECT_EQ(eve_timestamp(-1us), "1969-12-31T23:59:59.999999+0000");
}

TEST(ClockText, IsTheTimeOfDay) {
    EXPECT_EQ(clock_text(kNoon + 61s + 7us, TimeZone::utc), "12:01:01.000007");
    EXPECT_EQ(date_text(kNoon, TimeZone::utc), "2026-11-20");
}

TEST(DurationText, UsesTheFittingUnit) {
    EXPECT_EQ(duration_text(0ns), "0 ns");
    EXPECT_EQ(duration_text(850ns), "850 ns");
    EXPECT_EQ(duration_text(1240ns), "1.2 us");
    EXPECT_EQ(duration_text(37us), "37 us");
    EXPECT_EQ(duration_text(40ms), "40 ms");
    EXPECT_EQ(duration_text(3400ms), "3.4 s");
    EXPECT_EQ(duration_text(125s), "2 min 5 s");
    EXPECT_EQ(duration_text(11'520s), "3 h 12 min");
    EXPECT_EQ(duration_text(-2s), "-2.0 s");
}

TEST(DurationText, NeverRoundsToAThousandOfAUnit) {
    EXPECT_EQ(duration_text(999'600ns), "1.0 ms");
    EXPECT_EQ(duration_text(999'600us), "1.0 s");
    EXPECT_EQ(duration_text(59'700ms), "1 min 0 s");
}

TEST(ParseDuration, AcceptsTheUsualUnits) {
    EXPECT_EQ(parse_duration("500ms"), 500ms);
    EXPECT_EQ(parse_duration("10s"), 10s);
    EXPECT_EQ(parse_duration("5m"), 5min);
    EXPECT_EQ(parse_duration("2h"), 2h);
    EXPECT_EQ(parse_duration("1d"), 24h);
    EXPECT_EQ(parse_duration("1.5s"), 1500ms);
    EXPECT_EQ(parse_duration("250us"), 250us);
    EXPECT_EQ(parse_duration("30"), 30s);
    EXPECT_EQ(parse_duration("0"), 0s);
}

class NotADuration : public testing::TestWithParam<const char*> {};

TEST_P(NotADuration, IsRefusedWithAHint) {
    const auto result = parse_duration(GetParam());
    ASSERT_FALSE(result) << result->count();
    EXPECT_EQ(result.error().message(), std::string("'") + GetParam() +
                                            "': not a length of time; write it like 500ms, 10s, "
                                            "5m or 2h");
}

INSTANTIATE_TEST_SUITE_P(Texts, NotADuration,
                         testing::Values("", "s", "-1s", "-0", "+1s", " 1s", "1 s", "1s ", "10x",
                                         "nan", "inf", "1e3s", "300000000h", "0x10", "1.2.3s"));

}  // namespace
}  // namespace flowstamp
