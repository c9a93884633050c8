// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/printable.h"

#include <gtest/gtest.h>

namespace flowstamp {
namespace {

TEST(Printable, LeavesTextAsItIs) {
    for (const std::string_view text : {"", "eth0", R"(-m comment --comment "a \"b\" c:\\d")",
                                        "Büro – 事務所 🙂", "a b\xc2\xa0 c"}) {
        EXPECT_EQ(printable(text), text);
    }
}

TEST(Printable, EscapesWhatControlsATerminal) {
    EXPECT_EQ(printable("a\nb\r\tc"), R"(a\x0ab\x0d\x09c)");
    EXPECT_EQ(printable("\033[31mred\007"), R"(\x1b[31mred\x07)");
    EXPECT_EQ(printable(std::string_view("\0\x7f", 2)), R"(\x00\x7f)");
    EXPECT_EQ(printable("\xc2\x9b"
                        "31m"),
              R"(\xc2\x9b31m)")
        << "CSI in eight bits";
}

TEST(Printable, EscapesWhatIsNoUtf8) {
    EXPECT_EQ(printable("a\xff\xfe"
                        "b"),
              R"(a\xff\xfeb)");
    EXPECT_EQ(printable("\xc3"), R"(\xc3)") << "cut off";
    EXPECT_EQ(printable("\xc3("), R"(\xc3()");
    EXPECT_EQ(printable("\xc0\x8a"), R"(\xc0\x8a)") << "a newline in two bytes";
    EXPECT_EQ(printable("\xed\xa0\x80"), R"(\xed\xa0\x80)") << "a surrogate";
    EXPECT_EQ(printable("\xf4\x90\x80\x80"), R"(\xf4\x90\x80\x80)") << "beyond U+10FFFF";
    EXPECT_EQ(printable("\x9b"), R"(\x9b)");
}

TEST(Printable, EscapesWhatReordersOrHides) {
    EXPECT_EQ(printable("eth\u202e0\u2066x\u2069"), R"(eth\u202e0\u2066x\u2069)");
    EXPECT_EQ(printable("a\u2028b\u200bc\ufeff"), R"(a\u2028b\u200bc\ufeff)");
    EXPECT_EQ(printable("\U000e0041"), R"(\ue0041)");
}

}  // namespace
}  // namespace flowstamp
