// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/wrap.h"

#include <gtest/gtest.h>

namespace flowstamp {
namespace {

TEST(Wrap, CountsColumnsNotBytes) {
    EXPECT_EQ(columns("forged"), 6u);
    EXPECT_EQ(columns("\033[1;31mFORGED\033[0m"), 6u);
    EXPECT_EQ(columns("\xc3\xa9t\xc3\xa9"), 3u);
    EXPECT_EQ(columns(""), 0u);
}

TEST(Wrap, BreaksAtSpaces) {
    EXPECT_EQ(wrap("one two three", "", "", 7), "one two\nthree\n");
    EXPECT_EQ(wrap("one two three", "> ", "  ", 9), "> one two\n  three\n");
    EXPECT_EQ(wrap("one two", "", "", 80), "one two\n");
    EXPECT_EQ(wrap("", "| ", "| ", 80), "|\n");
}

TEST(Wrap, LeavesALongWordWhole) {
    EXPECT_EQ(wrap("a extraordinary b", "", "", 5), "a\nextraordinary\nb\n");
}

TEST(Wrap, KeepsIndentationAndColumns) {
    EXPECT_EQ(wrap("    a  b", "", "", 80), "    a  b\n");
    EXPECT_EQ(wrap("\033[2ma  b\033[0m c", "", "", 6), "\033[2ma  b\033[0m c\n");
    EXPECT_EQ(wrap("\033[2ma  b\033[0m c", "", "", 5), "\033[2ma  b\033[0m\nc\n");
}

TEST(Wrap, HangsBelowTheLastColumnThatLeavesRoom) {
    EXPECT_EQ(hanging_indent("strong  nearer", 80), 2u) << "not indented: not a table";
    EXPECT_EQ(hanging_indent("    some sentence", 80), 4u);
    EXPECT_EQ(hanging_indent("    strong  nearer  63 (1 hop)", 80), 20u);
    EXPECT_EQ(hanging_indent("    strong  nearer  63 (1 hop)", 24), 12u);
    EXPECT_EQ(hanging_indent("    \033[2mdone   \033[0m  let through", 80), 13u);
}

}  // namespace
}  // namespace flowstamp
