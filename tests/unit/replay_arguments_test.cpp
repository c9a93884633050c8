// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/replay/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/events.h"
#include "tests/support/recording_sink.h"
#include "user/cmd/replay/progress.h"
#include "user/output/fail_on.h"

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Words = std::vector<std::string>;

bool is_file(const std::string& path) {
    return path == "a.pcap" || path == "b" || path == "port";
}

cmd::ReplayArguments arguments_of(const Words& reads, const Words& words) {
    const auto arguments = cmd::separate_arguments(reads, words, is_file);
    EXPECT_TRUE(arguments) << arguments.error().message();
    return arguments.value_or(cmd::ReplayArguments{});
}

std::string refusal(const Words& reads, const Words& words) {
    const auto arguments = cmd::separate_arguments(reads, words, is_file);
    return arguments ? "" : arguments.error().message();
}

TEST(ReplayArguments, FilesComeFirstAndThenTheFilter) {
    EXPECT_THAT(arguments_of({}, {"a.pcap"}).captures, ElementsAre("a.pcap"));
    const auto both =
        arguments_of({}, {"a.pcap", "b", "-", "host", "192.0.2.1", "and", "port", "1"});
    EXPECT_THAT(both.captures, ElementsAre("a.pcap", "b", "-"));
    EXPECT_EQ(both.filter, "host 192.0.2.1 and port 1") << "here `port` is part of the filter";
    EXPECT_EQ(arguments_of({}, {"a.pcap", "net 192.0.2.0/24"}).filter, "net 192.0.2.0/24");
    EXPECT_EQ(arguments_of({}, {"a.pcap", "net", "192.0.2.0/24"}).filter, "net 192.0.2.0/24");
}

TEST(ReplayArguments, WithReadAllWordsAreTheFilter) {
    const auto arguments = arguments_of({"x", "y"}, {"port", "22"});
    EXPECT_THAT(arguments.captures, ElementsAre("x", "y"));
    EXPECT_EQ(arguments.filter, "port 22");
}

TEST(ReplayArguments, AMissingFileIsNoFilter) {
    EXPECT_EQ(refusal({}, {"c.pcap"}),
              "c.pcap: open: no such file or directory; name a capture, and then the filter");
    EXPECT_THAT(refusal({}, {"a.pcap", "c.pcap"}), HasSubstr("c.pcap: open: no such file"));
    EXPECT_THAT(refusal({}, {"a.pcap", "./c"}), HasSubstr("./c: open: no such file"));
    EXPECT_THAT(refusal({}, {"tcp"}), HasSubstr("tcp: open: no such file"));
    EXPECT_THAT(refusal({}, {"b", "tcp", "a.pcap"}), HasSubstr("before the filter"));
}

class Nobody final : public output::Consumer {
  public:
    void consume(const output::Event&) override {}
};

TEST(FailOn, MatchesItsKinds) {
    Nobody nobody;
    output::FailOn none(nobody, {}, false), any(nobody, {}, true),
        stalled(nobody, {analysis::FindingKind::one_way, analysis::FindingKind::stalled}, false);
    EXPECT_FALSE(any.is_met());
    for (output::FailOn* fail_on : {&none, &any, &stalled}) {
        fail_on->consume(analysis::Finding{.kind = analysis::FindingKind::forged_rst});
    }
    EXPECT_FALSE(none.is_met());
    EXPECT_TRUE(any.is_met());
    EXPECT_FALSE(stalled.is_met());
    stalled.consume(analysis::Finding{.kind = analysis::FindingKind::stalled});
    EXPECT_TRUE(stalled.is_met());
}

TEST(Progress, AppearsAfterASecondAndErasesItself) {
    char* text = nullptr;
    std::size_t length = 0;
    std::FILE* terminal = ::open_memstream(&text, &length);
    TestClock clock;
    {
        cmd::Progress progress(terminal, "x.pcap", clock);
        progress.show(0.1, 1);
        std::fflush(terminal);
        EXPECT_EQ(length, 0U);
        clock.advance(1s);
        progress.show(0.425, 2);
        progress.show(0.5, 3);
        clock.advance(1s);
        progress.show(std::nullopt, 4);
    }
    std::fclose(terminal);
    EXPECT_EQ(std::string(text, length), "\r\033[Kx.pcap: 42 %\r\033[Kx.pcap: 4 frames\r\033[K");
    std::free(text);
    cmd::Progress silent(nullptr, "x.pcap", clock);
    clock.advance(5s);
    silent.show(0.5, 1);
}

}  // namespace
}  // namespace flowstamp
