// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/text_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/support/events.h"
#include "tests/support/recording_sink.h"
#include "user/base/fd.h"
#include "user/base/wrap.h"
#include "user/output/text/stats_text.h"

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using flowstamp::testing::example_flow;
using flowstamp::testing::FlowScript;
using flowstamp::testing::ForgedRstBench;
using ::testing::HasSubstr;
using ::testing::Not;

/// A reporter that writes to its own file, and its output.
class TextOutputTest : public ::testing::Test {
  protected:
    TextOutputTest() {
        const int fd = ::mkstemp(path_.data());
        ::close(fd);
    }
    ~TextOutputTest() override { ::unlink(path_.c_str()); }

    std::string text_of(const output::Event& event, output::Detail detail = output::Detail::resets,
                        bool colour = false) {
        auto output = output::Output::file(path_);
        EXPECT_TRUE(output);
        output::TextOutput(*output, output::Style(colour), detail, output::TimeForm::utc)
            .consume(event);
        EXPECT_TRUE(output->health());
        std::ifstream file(path_);
        std::ostringstream text;
        text << file.rdbuf();
        return text.str();
    }

    std::string path_ = "/tmp/flowstamp-text-XXXXXX";
    ForgedRstBench bench;
    FlowScript script;
};

TEST_F(TextOutputTest, PrintsAGenuineResetOnOneLine) {
    bench.observe(script.rst({.tcp_flags = FST_TCP_RST | FST_TCP_ACK, .cause = FST_CAUSE_ABORT}));
    EXPECT_EQ(text_of(bench.sink.resets[0]),
              "11:06:40.000000 reset #1 198.51.100.7:443 > 192.0.2.1:40000  genuine  [R.] "
              "ttl 52 (12 hops)  eth0  aborted by the application\n");
}

/// A file keeps each line whole, for grep.
TEST_F(TextOutputTest, FitsATerminal) {
    constexpr winsize kSize{.ws_row = 24, .ws_col = 60, .ws_xpixel = 0, .ws_ypixel = 0};
    int ours = -1;
    int its = -1;
    char name[64];
    ASSERT_EQ(::openpty(&ours, &its, name, nullptr, &kSize), 0);
    const Fd terminal(ours);
    const Fd other_end(its);
    auto output = output::Output::file(name);
    ASSERT_TRUE(output);
    bench.observe(script.rst({.tcp_flags = FST_TCP_RST | FST_TCP_ACK, .cause = FST_CAUSE_ABORT}));
    output::TextOutput(*output, output::Style(true), output::Detail::resets, output::TimeForm::utc)
        .consume(bench.sink.resets[0]);
    char text[1024];
    const ssize_t got = ::read(ours, text, sizeof(text));
    ASSERT_GT(got, 0);
    std::istringstream lines(std::string(text, static_cast<std::size_t>(got)));
    int count = 0;
    for (std::string line; std::getline(lines, line); count++) {
        std::erase(line, '\r');
        EXPECT_LE(columns(line), 60U) << line;
    }
    EXPECT_EQ(count, 3);
}

TEST_F(TextOutputTest, PrintsTheFrameOfACapture) {
    bench.observe(script.rst({.ttl = 60, .signals = FST_SIGNAL_BIT(FST_SIGNAL_NEARER)}));
    analysis::Reset reset = bench.sink.resets[0];
    reset.sighting.frame = 31;
    EXPECT_THAT(text_of(reset), HasSubstr("reset #1 frame 31  198.51.100.7:443 >"));
    reset.again = true;
    EXPECT_THAT(text_of(reset), HasSubstr("reset #1, again frame 31  198.51.100.7:443 >"));
    analysis::Finding finding = bench.sink.findings[0];
    finding.sighting.frame = 31;
    EXPECT_THAT(text_of(finding), HasSubstr("finding #1 frame 31  suspected forged reset"));
}

TEST_F(TextOutputTest, PrintsTheStateOfAChallenge) {
    bench.observe(
        script.at(0ms).rst({.action = FST_ACTION_CHALLENGED, .challenge = FST_CHALLENGE_ASKED}));
    bench.observe(script.at(20ms).rst({.challenge = FST_CHALLENGE_UPHELD}));
    ASSERT_EQ(bench.sink.resets.size(), 3U);
    EXPECT_THAT(text_of(bench.sink.resets[0]), HasSubstr("  challenged\n"));
    EXPECT_THAT(text_of(bench.sink.resets[1]), HasSubstr("challenged, its sender upheld it"));
    EXPECT_THAT(text_of(bench.sink.resets[2]), HasSubstr("answers the challenge to #1"));
}

TEST_F(TextOutputTest, PrintsAFindingWithAdvice) {
    bench.observe(script.rst(
        {.ttl = 60,
         .ip_id = 0x3412,
         .signals = FST_SIGNAL_BIT(FST_SIGNAL_NEARER) | FST_SIGNAL_BIT(FST_SIGNAL_ID_CONSTANT)}));
    EXPECT_EQ(
        text_of(bench.sink.findings[0]),
        "\n"
        "11:06:40.000000 finding #1 confirmed forged reset  198.51.100.7:443 > 192.0.2.1:40000  "
        "eth0\n"
        "    198.51.100.7:443 did not send this reset: it came from 4 hops away, 198.51.100.7 is "
        "12 hops away, and it has the IP-ID of a known injector, 0x3412.\n"
        "    strength  evidence     this reset       its sender's other packets\n"
        "    strong    nearer       ttl 60 (4 hops)  ttl 52 (12 hops)\n"
        "    strong    id-constant  IP-ID 0x3412     IP-ID 0x1a2b, per-flow\n"
        "    done       observed only; it was let through\n"
        "    next       watch with --drop confirmed to refuse such resets in the kernel\n"
        "\n");
}

/// An update with only the outcome does not repeat a finding's evidence.
TEST_F(TextOutputTest, RepeatsNoEvidence) {
    auto output = output::Output::file(path_);
    ASSERT_TRUE(output);
    output::TextOutput reporter(*output, output::Style(false), output::Detail::resets,
                                output::TimeForm::utc);
    bench.observe(script.rst({.ttl = 60, .signals = FST_SIGNAL_BIT(FST_SIGNAL_NEARER)}));
    analysis::Finding finding = bench.sink.findings.at(0);
    reporter.consume(finding);
    finding.again = true;
    finding.resolution = analysis::Resolution::ended;
    reporter.consume(finding);
    finding.evidence.push_back(
        {.signal = analysis::Signal::ID_ECHO, .observed = {analysis::field::ip_id(7)}});
    reporter.consume(finding);
    std::ifstream file(path_);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const auto count = [&](std::string_view wanted) {
        std::size_t found = 0;
        for (std::size_t at = text.find(wanted); at != std::string::npos;
             at = text.find(wanted, at + 1)) {
            found++;
        }
        return found;
    };
    EXPECT_EQ(count("finding #1"), 3U);
    EXPECT_EQ(count("the flow ended"), 2U);
    EXPECT_EQ(count("60 (4 hops)"), 2U) << text;
}

TEST_F(TextOutputTest, CollapsesSimilarResets) {
    auto output = output::Output::file(path_);
    ASSERT_TRUE(output);
    output::TextOutput reporter(*output, output::Style(false), output::Detail::resets,
                                output::TimeForm::utc);
    for (unsigned i = 0; i < 4; i++) {
        bench.observe(script.after(1ms).rst({.seq = 5000U - 1448U * i}));
    }
    for (const analysis::Reset& reset : bench.sink.resets) {
        reporter.consume(reset);
    }
    reporter.consume(analysis::Summary{});
    std::ifstream file(path_);
    std::string line;
    ASSERT_TRUE(std::getline(file, line));
    EXPECT_THAT(line, HasSubstr("reset #1"));
    ASSERT_TRUE(std::getline(file, line));
    EXPECT_EQ(line, "    and 3 more like it");
}

TEST_F(TextOutputTest, ColoursOnlyIfRequested) {
    bench.observe(script.rst({.ttl = 60, .signals = FST_SIGNAL_BIT(FST_SIGNAL_NEARER)}));
    const analysis::Finding& finding = bench.sink.findings[0];
    EXPECT_THAT(text_of(finding), Not(HasSubstr("\033")));
    EXPECT_THAT(text_of(finding, output::Detail::resets, true),
                HasSubstr("\033[33msuspected forged reset\033[0m"));
}

TEST_F(TextOutputTest, PrintsTheRequestedDetail) {
    bench.observe(script.rst({}));
    const analysis::Reset& reset = bench.sink.resets[0];
    EXPECT_EQ(text_of(reset, output::Detail::findings), "");
    EXPECT_NE(text_of(reset, output::Detail::resets), "");
    const analysis::FlowRecord record{
        .slot = example_flow(), .interface = "eth0", .end = analysis::FlowEnd::closed};
    EXPECT_EQ(text_of(record, output::Detail::resets), "");
    EXPECT_THAT(text_of(record, output::Detail::all),
                HasSubstr("192.0.2.1:40000 > 198.51.100.7:443  established, closed  20 packets "
                          "20.0 kB / 20 packets 20.0 kB  eth0"));
    EXPECT_EQ(text_of(analysis::Stats{}, output::Detail::resets), "");
    EXPECT_NE(text_of(analysis::Stats{}, output::Detail::all), "");
    EXPECT_NE(text_of(analysis::Summary{}, output::Detail::findings), "");
}

TEST_F(TextOutputTest, PrintsStageAndTamperingSignature) {
    analysis::FlowRecord record{.slot = example_flow(),
                                .interface = "eth0",
                                .end = analysis::FlowEnd::reset,
                                .stage = analysis::HandshakeStage::psh};
    EXPECT_THAT(text_of(record, output::Detail::all),
                HasSubstr("established, reset  at psh  20 packets"));
    record.signature = {analysis::TamperingSignature::psh_rst_ack, flowstamp::testing::kServer};
    EXPECT_THAT(text_of(record, output::Detail::all),
                HasSubstr("at psh, like post-psh:RST+ACK from 198.51.100.7  20 packets"));
}

TEST(StatsText, SumsUp) {
    analysis::Stats stats;
    stats.counters[FST_COUNT_TCP] = 1'234'567;
    stats.counters[FST_COUNT_BYTES] = 98'765'432;
    stats.counters[FST_COUNT_RST] = 415;
    stats.counters[FST_COUNT_RST_CONFIRMED] = 3;
    stats.challenges = {.asked = 412, .upheld = 408, .refuted = 3, .unanswered = 1};
    stats.findings_confirmed = 3;
    EXPECT_EQ(output::stats_text(stats),
              "1,234,567 packets (98.8 MB), 0 flows; 415 resets, 3 of them looked forged at first; "
              "findings: 0 suspected, 3 confirmed\n"
              "challenges: 412 asked, 408 upheld, 3 refuted, 1 unanswered\n");
}

TEST(StatsText, AlwaysReportsLossesWithTheirRemedy) {
    analysis::Stats stats;
    EXPECT_EQ(std::ranges::count(output::stats_text(stats), '\n'), 1);
    stats.counters[FST_COUNT_EVENT_LOST] = 12;
    EXPECT_THAT(output::stats_text(stats), HasSubstr("lost: 12 events"));
    stats.counters[FST_COUNT_OPENING_UNSAMPLED] = 150;
    EXPECT_THAT(output::stats_text(stats), HasSubstr("left out: 150 events of how flows opened"));
    stats.stamps = {.written = 5000, .lost = 7};
    EXPECT_THAT(output::stats_text(stats), HasSubstr("stamps: 5,000 written\nlost: "));
    EXPECT_THAT(output::stats_text(stats), HasSubstr("lost: 7 stamps, as they came faster"));
    stats.counters[FST_COUNT_EVICT_LIVE] = 2;
    stats.counters[FST_COUNT_FLOW_LOST] = 3;
    EXPECT_THAT(output::stats_text(stats), HasSubstr("lost: 5 live flows"));
    EXPECT_THAT(output::stats_text(stats), HasSubstr("--max-flows"));
    stats.records_unread = 1;
    EXPECT_THAT(output::stats_text(stats), HasSubstr("install it anew"));
}

TEST(Style, LinesAreRedrawnOnlyIfTheTerminalCan) {
    EXPECT_TRUE(output::can_redraw("xterm-256color"));
    EXPECT_FALSE(output::can_redraw("dumb"));
    EXPECT_FALSE(output::can_redraw(""));
    EXPECT_FALSE(output::can_redraw(nullptr));
}

TEST(Colour, IsForTerminalsUnlessRefusedOrForced) {
    EXPECT_TRUE(output::wants_colour(true, nullptr, nullptr));
    EXPECT_FALSE(output::wants_colour(false, nullptr, nullptr));
    EXPECT_FALSE(output::wants_colour(true, "1", nullptr));
    EXPECT_TRUE(output::wants_colour(true, "", nullptr));
    EXPECT_TRUE(output::wants_colour(false, nullptr, "1"));
    EXPECT_FALSE(output::wants_colour(false, nullptr, "0"));
    EXPECT_FALSE(output::wants_colour(false, "1", "1"));
}

TEST_F(TextOutputTest, PrintsWhatBecomesOfAnInterface) {
    using Kind = net::InterfaceChange::Kind;
    const auto line = [&](net::InterfaceChange change) {
        change.name = "eth1";
        change.wall = 1'795'000'000s;
        const std::string text = text_of(change, output::Detail::findings);
        EXPECT_TRUE(text.starts_with("11:06:40.000000 eth1 ")) << text;
        return text.substr(16);
    };
    EXPECT_EQ(line({.kind = Kind::gone}), "eth1 is gone\n");
    EXPECT_EQ(line({.kind = Kind::moved}),
              "eth1 has moved to another network namespace: it is no longer watched\n");
    EXPECT_EQ(line({.kind = Kind::down}), "eth1 is down\n");
    EXPECT_EQ(line({.kind = Kind::up}), "eth1 is up\n");
    EXPECT_EQ(line({.kind = Kind::mtu, .mtu = 9000, .mtu_was = 1500}),
              "eth1 has an MTU of 9000 now, not 1500\n");
    EXPECT_EQ(line({.kind = Kind::back, .is_watched = true, .ingress = "xdp", .egress = "tcx"}),
              "eth1 is back: attached (xdp ingress, tcx egress)\n");
    EXPECT_EQ(line({.kind = Kind::back, .reason = "no such device"}),
              "eth1 is back, but not watched: no such device\n");
    EXPECT_EQ(line({.kind = Kind::detached, .is_watched = true, .egress = "tcx"}),
              "eth1 was detached by another process: attached (tcx egress)\n");
    EXPECT_EQ(line({.kind = Kind::attached, .is_watched = true, .ingress = "tcx"}),
              "eth1 is watched again: attached (tcx ingress)\n");
    EXPECT_EQ(
        text_of(net::InterfaceChange{
            .kind = Kind::renamed, .name = "lan1", .name_was = "eth1", .wall = 1'795'000'000s}),
        "11:06:40.000000 eth1 is now called lan1\n");
}

}  // namespace
}  // namespace flowstamp
