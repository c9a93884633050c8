// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The kernel's drop reasons in words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string>
#include <string_view>

#include "user/pathtrace/drop_reason_table.h"
#include "user/pathtrace/drop_reason_words.h"

namespace flowstamp {
namespace {

using testing::HasSubstr;

TEST(PathDropReasonWords, ExplainAndSayWhatToLookAt) {
    const pathtrace::DropReasonWords rpfilter =
        pathtrace::drop_reason_words("SKB_DROP_REASON_IP_RPFILTER");
    EXPECT_THAT(rpfilter.words, HasSubstr("reverse path filter"));
    EXPECT_THAT(rpfilter.look_at, HasSubstr("rp_filter"));
    EXPECT_THAT(pathtrace::drop_reason_words("SKB_DROP_REASON_IP_INHDR").words, HasSubstr("TTL"));
    EXPECT_THAT(pathtrace::drop_reason_words("SKB_DROP_REASON_NO_SOCKET").look_at,
                HasSubstr("ss -lntu"));
    EXPECT_EQ(pathtrace::drop_reason_words("NO_SOCKET"),
              pathtrace::drop_reason_words("SKB_DROP_REASON_NO_SOCKET"));
}

TEST(PathDropReasonWords, UnknownNameIsShownItself) {
    EXPECT_EQ(pathtrace::drop_reason_words("SKB_DROP_REASON_MOON_PHASE_2").words,
              "the kernel's reason: moon phase 2");
    EXPECT_EQ(pathtrace::drop_reason_words("SKB_DROP_REASON_MOON_PHASE_2").look_at, "");
}

TEST(PathDropReasonWords, TableIsConsistent) {
    std::set<std::string_view> names;
    for (const pathtrace::DropReasonEntry& entry : pathtrace::kDropReasons) {
        EXPECT_TRUE(names.insert(entry.name).second) << entry.name << " is listed twice";
        EXPECT_TRUE(std::ranges::all_of(entry.name, [](unsigned char c) {
            return std::isupper(c) != 0 || std::isdigit(c) != 0 || c == '_';
        })) << entry.name;
        EXPECT_FALSE(entry.words.empty()) << entry.name;
        EXPECT_FALSE(entry.words.ends_with('.')) << entry.name;
    }
    EXPECT_GE(names.size(), 120U);
}

}  // namespace
}  // namespace flowstamp
