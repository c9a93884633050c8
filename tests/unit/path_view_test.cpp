// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/path_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const output::Style kPlain(false);

output::PathView forwarding() {
    return {.filter = "tcp port 80",
            .parts = {{.name = "r0 in", .packets = 120, .rate = 12},
                      {.name = "r1 in", .packets = 8, .rate = 0},
                      {.name = "prerouting", .packets = 128, .rate = 12},
                      {.name = "forward", .packets = 128, .rate = 12},
                      {.name = "postrouting", .packets = 88, .rate = 8.04},
                      {.name = "r0 out", .packets = 8, .rate = 0},
                      {.name = "r1 out", .packets = 80, .rate = 8.04}},
            .losses = {},
            .stats = {.uptime = 12s, .packets = 128, .flows = 2, .forwarded = 128}};
}

output::PathView with_losses() {
    output::PathView view = forwarding();
    view.parts[3].lost = 40;
    view.parts[3].lost_rate = 4;
    view.losses = {{.at = "forward",
                    .before = "mangle",
                    .by = "iptables-nft mangle FORWARD rule 1",
                    .packets = 40,
                    .rate = 4}};
    view.stats.forwarded = 88;
    view.stats.dropped = 40;
    return view;
}

TEST(PathViewText, WideTerminalHasOneRowOfColumns) {
    EXPECT_THAT(
        output::lines_of(forwarding(), 79, kPlain),
        ElementsAre(
            "tcp port 80                                        128 packets, 0 dropped, 12 s",
            "  r0 in  r1 in  prerouting  forward  postrouting  r0 out  r1 out",
            "   12/s    0/s        12/s     12/s        8.0/s     0/s   8.0/s",
            "    120      8         128      128           88       8      80"));
}

TEST(PathViewText, LossIsInItsColumnAndNamedBelow) {
    EXPECT_THAT(
        output::lines_of(with_losses(), 79, kPlain),
        ElementsAre(
            "tcp port 80                                       128 packets, 40 dropped, 12 s",
            "  r0 in  r1 in  prerouting    forward  postrouting  r0 out  r1 out",
            "   12/s    0/s        12/s       12/s        8.0/s     0/s   8.0/s",
            "    120      8         128        128           88       8      80",
            "                            -40 4.0/s",
            "lost 40, 4.0/s, at forward (mangle): iptables-nft mangle FORWARD rule 1"));
}

TEST(PathViewText, NarrowTerminalHasSeveralRows) {
    EXPECT_THAT(
        output::lines_of(with_losses(), 59, kPlain),
        ElementsAre("tcp port 80                   128 packets, 40 dropped, 12 s",
                    "  r0 in  r1 in  prerouting    forward  postrouting  r0 out",
                    "   12/s    0/s        12/s       12/s        8.0/s     0/s",
                    "    120      8         128        128           88       8",
                    "                            -40 4.0/s", "  r1 out", "   8.0/s", "      80",
                    "lost 40, 4.0/s, at forward (mangle): iptables-nft mangle..."));
}

TEST(PathViewText, NoLineIsWiderThanTheTerminal) {
    output::PathView view = with_losses();
    view.filter = std::string(200, 'x');
    for (const std::size_t width : {12U, 20U, 59U, 79U, 99U, 199U}) {
        for (const std::string& line : output::lines_of(view, width, kPlain)) {
            EXPECT_LE(line.size(), std::max<std::size_t>(width, 13)) << line;
        }
    }
}

TEST(PathViewText, NothingSeenYet) {
    output::PathView view{
        .filter = "tcp port 80", .parts = {}, .losses = {}, .stats = {.uptime = 3s}};
    EXPECT_THAT(output::lines_of(view, 59, kPlain),
                ElementsAre("waiting for packets that match tcp port 80            3.0 s"));
    view.filter.clear();
    EXPECT_THAT(output::lines_of(view, 30, kPlain), ElementsAre("waiting for packets      3.0 s"));
}

TEST(PathViewText, ColourMarksLossesWithoutUsingColumns) {
    const auto plain = output::lines_of(with_losses(), 79, kPlain);
    auto coloured = output::lines_of(with_losses(), 79, output::Style(true));
    EXPECT_THAT(coloured[4], HasSubstr("\033[1;31m-40 4.0/s\033[0m"));
    EXPECT_THAT(coloured[5], HasSubstr("\033[1;31mlost 40"));
    for (std::string& line : coloured) {
        for (std::size_t at = line.find('\033'); at != line.npos; at = line.find('\033')) {
            line.erase(at, line.find('m', at) + 1 - at);
        }
    }
    EXPECT_EQ(coloured, plain);
}

TEST(PathViewText, OnlyTheLargestLossesAreNamed) {
    output::PathView view = with_losses();
    view.losses.assign(7, {.at = {}, .before = {}, .by = {}, .packets = 1, .rate = 0});
    const auto lines = output::lines_of(view, 79, kPlain);
    ASSERT_EQ(lines.size(), 11U);
    EXPECT_EQ(lines[5], "lost 1, 0/s, before the first station: looking for what took them");
    EXPECT_EQ(lines[10], "and 2 more");
}

pathtrace::PathSample sample(Nanoseconds uptime, std::uint64_t came, std::uint64_t lost) {
    pathtrace::PathSample result{
        .parts = {{.name = "r0 in", .packets = came}, {.name = "r1 out", .packets = 0}},
        .losses = {},
        .stats = {.uptime = uptime}};
    if (lost != 0) {
        result.losses = {
            {.end = {.end = pathtrace::PacketPath::End::dropped, .station = 1, .location = 1},
             .at = "r0 in",
             .before = {},
             .by = "a rule",
             .packets = lost},
            {.end = {.end = pathtrace::PacketPath::End::dropped, .station = 1, .location = 2},
             .at = "r0 in",
             .before = {},
             .by = "a rule",
             .packets = lost}};
    }
    return result;
}

TEST(PathRates, AreThoseOfTheLastTwoSeconds) {
    output::PathRates rates("tcp");
    EXPECT_EQ(rates.consume(sample(1s, 0, 0)).parts.size(), 0U) << "nothing has passed";
    EXPECT_DOUBLE_EQ(rates.consume(sample(2s, 100, 0)).parts.at(0).rate, 100);
    EXPECT_DOUBLE_EQ(rates.consume(sample(3s, 100, 0)).parts.at(0).rate, 50);
    EXPECT_DOUBLE_EQ(rates.consume(sample(4s, 100, 0)).parts.at(0).rate, 0);
}

TEST(PathRates, LossesWithTheSameTextAreOne) {
    output::PathRates rates("tcp");
    EXPECT_THAT(rates.consume(sample(1s, 10, 0)).losses, IsEmpty());
    const output::PathView view = rates.consume(sample(2s, 20, 3));
    ASSERT_EQ(view.losses.size(), 1U);
    EXPECT_EQ(view.losses[0].packets, 6U);
    EXPECT_DOUBLE_EQ(view.losses[0].rate, 6);
    ASSERT_EQ(view.parts.size(), 1U) << "a part without packets is left out";
    EXPECT_EQ(view.parts[0].lost, 6U);
    EXPECT_EQ(view.filter, "tcp");
}

}  // namespace
}  // namespace flowstamp
