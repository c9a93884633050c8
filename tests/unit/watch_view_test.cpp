// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// What the live view of a watch draws, without a terminal.
#include "user/output/view/watch_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <string>
#include <vector>

#include "user/base/wrap.h"
#include "user/output/view/watch_lines.h"

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using analysis::FindingKind;
using analysis::Phrase;
using output::Key;
using output::WatchChoice;
using output::WatchView;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const output::Style kPlain(false);
constexpr Nanoseconds kNow = 45716s;  // 12:41:56 UTC

using Lines = std::vector<std::string>;

/// 10.2.0.`host`.
net::Endpoint ten_two(std::uint8_t host, std::uint16_t port) {
    return {.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 2, 0, host}, .port = port};
}

analysis::Incident incident(std::uint64_t id, FindingKind kind, std::uint64_t count) {
    return {.id = id,
            .kind = kind,
            .finding = id,
            .count = count,
            .clients = 57,
            .client = ten_two(9, 0),
            .server = ten_two(2, 80),
            .interface = "eth0",
            .wall = kNow,
            .first = kNow - 60s,
            .last = kNow - 2s};
}

analysis::Finding finding(std::uint64_t incident, FindingKind kind, fst_verdict verdict) {
    return {.id = incident,
            .incident = incident,
            .kind = kind,
            .verdict = verdict,
            .sighting = {.interface = "eth0", .wall = kNow - 60s},
            .summary = {{Phrase::flow_went_on, {}}},
            .advice = {{Phrase::use_drop_confirmed, {}}},
            .evidence = {{.signal = analysis::Signal::NEARER,
                          .observed = {analysis::field::ttl(63)},
                          .baseline = analysis::Values{analysis::field::ttl(61)}}}};
}

analysis::Middlebox box() {
    return {.id = 4,
            .interface = "eth0",
            .hops = 1,
            .tcp_flags = FST_TCP_RST,
            .ttl = {analysis::FieldHabit::Kind::fixed, 63},
            .ip_id = {analysis::FieldHabit::Kind::zero, 0},
            .window = {analysis::FieldHabit::Kind::zero, 0},
            .segments = 400,
            .flows = 200,
            .ports = {{80, 200, 900}},
            .stages = {0, 0, 200, 0}};
}

WatchView quiet() {
    WatchView view{.title = "eth0  observe only",
                   .times = output::TimeForm::utc,
                   .event_times = output::EventTimes(output::TimeForm::utc)};
    view.stats.wall = kNow;
    view.stats.uptime = 185s;
    return view;
}

WatchView busy() {
    WatchView view = quiet();
    view.rates = {.packets = 4310, .bytes = 4.8e6, .flows = 120, .resets = 2.1};
    view.stats.counters[FST_COUNT_TCP] = 1'204'331;
    view.stats.counters[FST_COUNT_BYTES] = 1'200'000'000;
    view.stats.counters[FST_COUNT_FLOW_NEW] = 4211;
    view.stats.counters[FST_COUNT_RST] = 1204;
    view.resets.verdicts = {1180, 14, 10};
    view.resets.causes = {{FST_CAUSE_ABORT, 480}, {FST_CAUSE_CLOSED_PORT, 700}};
    view.rows = {{incident(3, FindingKind::forged_rst, 200),
                  finding(3, FindingKind::forged_rst, FST_VERDICT_CONFIRMED)},
                 {incident(5, FindingKind::local_drop, 40),
                  finding(5, FindingKind::local_drop, FST_VERDICT_CONFIRMED)},
                 {incident(1, FindingKind::stalled, 3),
                  finding(1, FindingKind::stalled, FST_VERDICT_SUSPECTED)}};
    view.rows[0].incident.middlebox = 4;
    view.rows[1].incident.place = "forward";
    view.rows[1].incident.rule =
        "iptables-nft filter FORWARD rule 3: -A FORWARD -p tcp --dport 81 -j DROP";
    view.rows[2].incident.has_ended = true;
    view.boxes = {box()};
    view.messages = {{.wall = kNow - 6s, .text = "eth0 is gone", .is_bad = true}};
    return view;
}

Lines drawn(const WatchView& view, std::size_t columns, std::size_t rows,
            const WatchChoice& choice = {}) {
    Lines lines = output::lines_of(view, choice, {.columns = columns, .rows = rows}, kPlain);
    EXPECT_EQ(lines.size(), rows);
    for (const std::string& line : lines) {
        EXPECT_LE(flowstamp::columns(line), std::max<std::size_t>(columns, 40)) << line;
    }
    return lines;
}

/// Whatever is cut off, its colours take no room.
TEST(WatchViewText, IsTheSameInColour) {
    const std::regex colour("\033\\[[0-9;]*m");
    for (const std::size_t columns : {40, 50, 64, 80, 200}) {
        for (const std::size_t rows : {8, 12, 24}) {
            SCOPED_TRACE(columns);
            Lines in_colour = output::lines_of(busy(), {}, {.columns = columns, .rows = rows},
                                               output::Style(true));
            for (std::string& line : in_colour) {
                line = std::regex_replace(line, colour, "");
            }
            EXPECT_EQ(in_colour, drawn(busy(), columns, rows));
        }
    }
}

TEST(WatchViewText, TellsWhatBreaksConnectionsFirst) {
    EXPECT_THAT(
        drawn(busy(), 80, 24),
        ElementsAre(
            "flowstamp watch  eth0  observe only                       12:41:56, up 3 min 5 s", "",
            "What breaks connections                                         findings  latest",
            "> #3 box #4, 1 hop away: 57 clients > 10.2.0.2:80                    200     2 s",
            "     confirmed forged-rst: The flow went on.",
            "     next: watch with --drop confirmed to refuse such resets in the kernel",
            "  #5 iptables-nft filter FORWARD rule 3: 57 clients > 10.2.0.2:80     40     2 s",
            "     confirmed local-drop: The flow went on.",
            "     next: watch with --drop confirmed to refuse such resets in the kernel",
            "  #1 57 clients > 10.2.0.2:80                                          3     2 s",
            "     suspected stalled, ended: The flow went on.",
            "     next: watch with --drop confirmed to refuse such resets in the kernel", "",
            "Suspected middleboxes",
            "  #4 A box 1 hop away sends [R] with ttl 63, IP-ID 0, window 0: it hit 200",
            "     connections (400 such segments) to port 80 (200 of 900), on the first data.", "",
            "Traffic   packets 4.3k/s (1,204,331)  flows 120/s (4,211)  resets 2.1/s (1,204)",
            "Resets    forged: 10 confirmed, 14 suspected  1,180 genuine",
            "          genuine: 700 closed-port, 480 abort", "Lost      nothing",
            "Messages  12:41:50.000000 eth0 is gone", "",
            "q quit  Enter open  p pause  / filter  up/down choose"));
}

TEST(WatchViewText, AWideScreenHasMoreInALine) {
    const Lines lines = drawn(busy(), 200, 60);
    EXPECT_THAT(lines, Contains(AllOf(StartsWith("  #4 A box 1 hop away"),
                                      HasSubstr("on the first data."))))
        << "in one line";
    EXPECT_THAT(lines, Contains(HasSubstr("bytes 4.8 MB/s (1.2 GB)")));
    EXPECT_EQ(lines[2].size(), 200U);
}

TEST(WatchViewText, SaysWhoIsToBlame) {
    const auto first_cause = [](const auto& change) {
        WatchView view = busy();
        view.rows[0].incident.middlebox.reset();
        change(view.rows[0]);
        return drawn(view, 80, 24)[3].substr(0, 40);
    };
    EXPECT_THAT(first_cause([](WatchView::Row&) {}), StartsWith("> #3 57 clients > 10.2.0.2:80"));
    EXPECT_THAT(first_cause([](WatchView::Row& row) { row.incident.router = ten_two(1, 0); }),
                StartsWith("> #3 rejected by 10.2.0.1: 57 clients"));
    EXPECT_THAT(first_cause([](WatchView::Row& row) { row.incident.place = "input"; }),
                StartsWith("> #3 at input: 57 clients"));
    EXPECT_THAT(first_cause([](WatchView::Row& row) {
                    row.finding->signals = FST_SIGNAL_BIT(FST_SIGNAL_MADE_HERE);
                }),
                StartsWith("> #3 made on this host: 57 clients"));
}

TEST(WatchViewText, ASmallScreenKeepsTheCauses) {
    EXPECT_THAT(drawn(busy(), 40, 10), ElementsAre("flowstamp wat...  12:41:56, up 3 min 5 s",
                                                   "What breaks connections         findings",
                                                   "> #3 forged-rst  box #4, 1 hop a...  200",
                                                   "  #5 local-drop  iptables-nft fil...  40",
                                                   "  #1 stalled  57 clients > 10.2.0....  3",
                                                   "Traffic   packets 4.3k/s (1,204,331)",
                                                   "Resets    forged: 10 confirmed, 14 su...", "",
                                                   "", "q quit  Enter open  p pause  / filter"));
}

TEST(WatchViewText, SaysThatNothingWasFound) {
    const Lines lines = drawn(quiet(), 80, 24);
    EXPECT_THAT(lines[3], StartsWith("  Nothing so far: "));
    EXPECT_THAT(lines, Contains("Resets    forged: 0 confirmed, 0 suspected  0 genuine"));
    EXPECT_THAT(lines, Not(Contains(HasSubstr("middleboxes"))));
}

TEST(WatchViewText, FitsAnySize) {
    WatchView view = busy();
    view.stats.counters[FST_COUNT_EVENT_LOST] = 12;
    view.stats.counters[FST_COUNT_EVICT_LIVE] = 5;
    for (std::size_t columns = 1; columns <= 130; columns += 3) {
        for (std::size_t rows = 1; rows <= 40; rows++) {
            for (const bool is_open : {false, true}) {
                (void)drawn(view, columns, rows, {.is_open = is_open});
            }
        }
    }
}

TEST(WatchViewText, TellsWhatIsLost) {
    WatchView view = busy();
    view.stats.counters[FST_COUNT_EVENT_LOST] = 12;
    for (const std::size_t rows : {10, 24}) {
        EXPECT_THAT(drawn(view, 80, rows), Contains(HasSubstr("lost: 12 events, as they came")));
    }
}

TEST(WatchViewText, KeepsTheSelectedIncidentInSight) {
    WatchView view = quiet();
    for (std::uint64_t id = 1; id <= 40; id++) {
        view.rows.push_back({incident(id, FindingKind::stalled, 1), {}});
    }
    EXPECT_THAT(drawn(view, 80, 24), Contains(HasSubstr("What breaks connections, 8 of 40  ")));
    EXPECT_THAT(drawn(view, 80, 24), Not(Contains(StartsWith("     next: "))));
    const WatchChoice choice{.selected = 30};
    EXPECT_THAT(drawn(view, 80, 24, choice), Contains(StartsWith("> #30 ")));
    EXPECT_THAT(drawn(view, 80, 24, choice), Not(Contains(StartsWith("  #1 "))));
}

TEST(WatchViewText, AnOpenIncidentHasItsEvidenceInWords) {
    WatchView view = busy();
    const WatchChoice choice{.is_open = true};
    const Lines lines = drawn(view, 80, 24, choice);
    EXPECT_THAT(lines, Contains(HasSubstr("incident #3 forged-rst  57 clients > 10.2.0.2:80")));
    EXPECT_THAT(lines, Contains(HasSubstr("200 findings like finding #3")));
    EXPECT_THAT(lines, Contains(HasSubstr("finding #3 confirmed forged reset")));
    EXPECT_THAT(lines, Contains(AllOf(HasSubstr("strong"), HasSubstr("nearer"), HasSubstr("ttl 63"),
                                      HasSubstr("ttl 61"))));
    EXPECT_THAT(lines, Contains(StartsWith("Box #4: A box 1 hop away sends [R] with ttl 63")));
    EXPECT_EQ(lines.back(), "Esc back  up/down scroll  p pause");
    EXPECT_THAT(drawn(view, 80, 24, {.selected = 99, .is_open = true}),
                Contains("This incident has been forgotten: others came after it."));
}

TEST(WatchViewText, ColoursChangeNoWidth) {
    const output::Style colours(true);
    const output::Output::Size size{.columns = 80, .rows = 24};
    const Lines painted = output::lines_of(busy(), {}, size, colours);
    const Lines plain = drawn(busy(), 80, 24);
    for (std::size_t i = 0; i < plain.size(); i++) {
        EXPECT_EQ(columns(painted[i]), columns(plain[i])) << plain[i];
    }
    EXPECT_THAT(painted, Contains(HasSubstr("\033[1;31mconfirmed forged-rst\033[0m")));
}

// ---- keys ----

constexpr WatchChoice::Drawn kDrawn{.page = 10, .lines = 25};

void press(WatchChoice& choice, Key::Kind kind) {
    choice.press({kind}, busy(), kDrawn);
}
void press(WatchChoice& choice, const std::string& letters) {
    for (const char letter : letters) {
        choice.press({Key::Kind::letter, letter}, busy(), kDrawn);
    }
}

TEST(WatchChoiceTest, ChoosesAndOpensAnIncident) {
    WatchChoice choice;
    press(choice, Key::Kind::down);
    EXPECT_EQ(choice.selected, 5U);
    press(choice, "jj");
    EXPECT_EQ(choice.selected, 1U) << "the last";
    press(choice, "k");
    press(choice, Key::Kind::enter);
    EXPECT_TRUE(choice.is_open);
    EXPECT_EQ(choice.selected, 5U);
    press(choice, Key::Kind::end);
    EXPECT_EQ(choice.first_line, 15U) << "25 lines, 10 of them shown";
    press(choice, Key::Kind::up);
    EXPECT_EQ(choice.first_line, 14U);
    press(choice, "q");
    EXPECT_FALSE(choice.is_open);
    EXPECT_FALSE(choice.wants_quit) << "it only went back";
    press(choice, "q");
    EXPECT_TRUE(choice.wants_quit);
}

TEST(WatchChoiceTest, FiltersByTheWordsOfARow) {
    WatchChoice choice;
    press(choice, "/FORWARDq");
    EXPECT_TRUE(choice.is_typing);
    EXPECT_FALSE(choice.wants_quit);
    EXPECT_EQ(drawn(busy(), 80, 24, choice).back(),
              "/FORWARDq_                                          Enter: filter  Esc: show all");
    press(choice, Key::Kind::erase);
    press(choice, Key::Kind::enter);
    const Lines lines = drawn(busy(), 80, 24, choice);
    EXPECT_THAT(lines[2], StartsWith("What breaks connections with 'FORWARD', 1 of 3"));
    EXPECT_THAT(lines[3], StartsWith("> #5 iptables-nft filter FORWARD rule 3"));
    press(choice, Key::Kind::enter);
    EXPECT_EQ(choice.selected, 5U);
    press(choice, Key::Kind::escape);
    press(choice, Key::Kind::escape);
    EXPECT_EQ(output::shown_rows(busy(), choice).size(), 3U);
    press(choice, "/nothing");
    press(choice, Key::Kind::enter);
    EXPECT_THAT(drawn(busy(), 80, 24, choice)[3], "  None of them.");
    press(choice, Key::Kind::enter);
    EXPECT_FALSE(choice.is_open) << "there is none to open";
}

TEST(WatchChoiceTest, Pauses) {
    WatchChoice choice;
    press(choice, "p");
    EXPECT_TRUE(choice.is_paused);
    EXPECT_THAT(drawn(busy(), 80, 24, choice)[0], HasSubstr("PAUSED at 12:41:56"));
    EXPECT_THAT(drawn(busy(), 80, 24, choice).back(), HasSubstr("p go on"));
    press(choice, "p");
    EXPECT_FALSE(choice.is_paused);
}

// ---- what it is made from ----

TEST(WatchViewTest, TheMostImportantComesFirst) {
    output::WatchTally tally;
    tally.consume(finding(2, FindingKind::forged_rst, FST_VERDICT_CONFIRMED));
    tally.consume(finding(1, FindingKind::stalled, FST_VERDICT_SUSPECTED));
    analysis::Sample sample;
    sample.incidents = {incident(1, FindingKind::stalled, 900),
                        incident(2, FindingKind::forged_rst, 7),
                        incident(3, FindingKind::one_way, 1000)};
    sample.incidents[2].has_ended = true;
    const WatchView view = output::view_of(sample, tally);
    ASSERT_EQ(view.rows.size(), 3U);
    EXPECT_EQ(view.rows[0].incident.id, 2U) << "sure";
    EXPECT_EQ(view.rows[1].incident.id, 1U);
    EXPECT_EQ(view.rows[2].incident.id, 3U) << "ended";
    EXPECT_FALSE(view.rows[2].finding);
}

TEST(WatchViewTest, TheBoxWithTheMostConnectionsComesFirst) {
    analysis::Sample sample;
    sample.middleboxes = {box(), box()};
    sample.middleboxes[1].id = 7;
    sample.middleboxes[1].flows++;
    EXPECT_EQ(output::view_of(sample, {}).boxes[0].id, 7U);
}

TEST(WatchViewTest, TextFromOutsideIsHarmless) {
    output::WatchTally tally;
    tally.note({.wall = kNow, .text = "plain"});
    analysis::Sample sample;
    sample.incidents = {incident(1, FindingKind::local_drop, 1)};
    sample.incidents[0].rule = "rule \033[2J";
    const WatchView view = output::view_of(sample, tally);
    EXPECT_EQ(view.rows[0].incident.rule, "rule \\x1b[2J");
}

TEST(WatchRatesTest, AreOfTheLastSeconds) {
    output::WatchRates rates;
    analysis::Stats stats;
    EXPECT_EQ(rates.consume(stats).packets, 0);
    for (int turn = 1; turn <= 20; turn++) {
        stats.uptime += 500ms;
        stats.counters[FST_COUNT_TCP] += turn <= 10 ? 500 : 50;
        const auto now = rates.consume(stats);
        if (turn == 10) {
            EXPECT_DOUBLE_EQ(now.packets, 1000);
        } else if (turn >= 14) {
            EXPECT_DOUBLE_EQ(now.packets, 100);
        }
    }
}

TEST(WatchTallyTest, CountsEachResetOnceByItsLatestVerdict) {
    output::WatchTally tally;
    analysis::Reset reset{.id = 1};
    reset.judgement.verdict = FST_VERDICT_GENUINE;
    reset.judgement.cause = FST_CAUSE_ABORT;
    tally.consume(reset);
    reset.id = 2;
    tally.consume(reset);
    EXPECT_EQ(output::tally_text(tally.resets()),
              "2 genuine (2 abort), 0 suspected forged, 0 confirmed forged");
    reset.again = true;
    reset.judgement.verdict = FST_VERDICT_CONFIRMED;
    tally.consume(reset);
    EXPECT_EQ(output::tally_text(tally.resets()),
              "1 genuine (1 abort), 0 suspected forged, 1 confirmed forged");
}

TEST(WatchTallyTest, IsBounded) {
    output::WatchTally tally;
    analysis::Reset reset;
    for (std::uint64_t id = 1; id <= output::WatchTally::kResets + 10; id++) {
        reset.id = id;
        tally.consume(reset);
        tally.note({.text = std::to_string(id)});
    }
    EXPECT_EQ(tally.messages().size(), output::WatchTally::kMessages);
    reset.id = 1;
    reset.again = true;
    reset.judgement.verdict = FST_VERDICT_CONFIRMED;
    tally.consume(reset);
    EXPECT_EQ(tally.resets().verdicts[FST_VERDICT_CONFIRMED], 0U) << "forgotten: counted already";
}

}  // namespace
}  // namespace flowstamp
