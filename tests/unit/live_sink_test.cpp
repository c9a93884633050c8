// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/live_sink.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <vector>

#include "user/output/json/json_output.h"
#include "user/output/text/text_output.h"

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A named pipe, or a file, and a sink that writes JSON lines to it.
class LiveSinkTest : public ::testing::Test {
  protected:
    LiveSinkTest() : before_(std::signal(SIGPIPE, SIG_IGN)) { ::close(::mkstemp(path_.data())); }
    ~LiveSinkTest() override {
        ::unlink(path_.c_str());
        std::signal(SIGPIPE, before_);
    }

    void make_pipe() {
        ::unlink(path_.c_str());
        ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
        reader_ = Fd(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
        ASSERT_TRUE(reader_);
    }
    output::LiveSink& sink_to(const std::string& path) {
        output_.emplace(std::move(*output::Output::file(path)));
        format_.emplace(*output_, false);
        sink_.emplace(*output_, *format_, clock_,
                      [this](std::string_view line) { notices_.emplace_back(line); });
        return *sink_;
    }
    /// An event whose line has about `bytes`.
    static output::Event event(std::size_t bytes) {
        analysis::Stats stats;
        stats.unopened[std::string(bytes, 'x')] = 1;
        return stats;
    }
    static output::Event minor_event(std::size_t bytes) {
        analysis::Reset reset;
        reset.sighting.interface = std::string(bytes, 'x');
        return reset;
    }
    /// All that the pipe holds now.
    std::string read() {
        std::string text;
        char part[4096];
        for (ssize_t got = 0; (got = ::read(reader_.get(), part, sizeof(part))) > 0;) {
            text.append(part, static_cast<std::size_t>(got));
        }
        return text;
    }
    [[nodiscard]] std::vector<json> events_of(const std::string& text) const {
        std::vector<json> events;
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);) {
            events.push_back(json::parse(line));
        }
        return events;
    }
    [[nodiscard]] std::string file() const {
        std::ifstream file(path_);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    TestClock clock_{1000s, 1'800'000'000s};
    std::string path_ = "/tmp/flowstamp-live-XXXXXX";
    Fd reader_;
    std::optional<output::Output> output_;
    std::optional<output::JsonOutput> format_;
    std::optional<output::LiveSink> sink_;
    std::vector<std::string> notices_;
    void (*before_)(int);
};

TEST_F(LiveSinkTest, WritesAtOnceWhatIsTaken) {
    output::LiveSink& sink = sink_to(path_);
    sink.consume(event(10));
    EXPECT_EQ(events_of(file()).size(), 1U);
    sink.consume(analysis::Summary{});
    EXPECT_EQ(events_of(file()).size(), 2U);
    EXPECT_TRUE(sink.finish());
    EXPECT_THAT(notices_, IsEmpty());
}

/// Short of a mebibyte nothing is lost.
TEST_F(LiveSinkTest, KeepsWhatAReaderTakesLater) {
    make_pipe();
    output::LiveSink& sink = sink_to(path_);
    for (int i = 0; i < 10; i++) {
        sink.consume(event(50'000));
    }
    sink.tick();
    EXPECT_THAT(notices_, IsEmpty());
    std::string text;
    for (int i = 0; i < 1000 && events_of(text.substr(0, text.rfind('\n') + 1)).size() < 10; i++) {
        text += read();
        sink.tick();
    }
    EXPECT_EQ(events_of(text).size(), 10U);
    EXPECT_TRUE(sink.finish());
}

TEST_F(LiveSinkTest, CountsWhatAStalledReaderMissesAndTellsItLater) {
    make_pipe();
    output::LiveSink& sink = sink_to(path_);
    for (int i = 0; i < 100; i++) {
        sink.consume(event(50'000));
        sink.tick();
    }
    EXPECT_THAT(
        notices_,
        ElementsAre(path_ + ": write: its reader has stopped reading; the watch goes on, and "
                            "counts what is left out"));
    clock_.advance(10s);
    std::string text;
    while (output_->kept_bytes() != 0) {
        text += read();
        sink.tick();
    }
    sink.consume(event(10));
    sink.consume(analysis::Summary{});
    EXPECT_FALSE(sink.finish()) << "some are missing";
    text += read();
    const std::vector<json> events = events_of(text);
    ASSERT_GE(events.size(), 4U);
    const std::uint64_t missing = 100 + 2 + 2 - events.size();  // two more, two about losses
    EXPECT_GT(missing, 50U);
    const json first = events.at(events.size() - 4).at("left_out");
    EXPECT_EQ(first, json({{"above_bound", 0}, {"not_taken", missing}, {"total", missing}}));
    const json total = events.at(events.size() - 2).at("left_out");
    EXPECT_EQ(total, json({{"above_bound", 0}, {"not_taken", 0}, {"total", missing}}));
    EXPECT_EQ(events.back().at("event_type"), "stats");
    EXPECT_EQ(notices_.size(), 1U);
}

TEST_F(LiveSinkTest, OutlivesAFullDisk) {
    output::LiveSink& sink = sink_to("/dev/full");
    sink.consume(event(10));
    sink.tick();
    sink.consume(event(10));
    sink.tick();
    EXPECT_THAT(notices_, ElementsAre("/dev/full: write: no space left on device; the watch goes "
                                      "on, and counts what is left out"));
    const Status finished = sink.finish();
    ASSERT_FALSE(finished);
    EXPECT_THAT(finished.error().message(),
                HasSubstr("/dev/full: write: no space left on device; missing in the report: the "
                          "last "));
}

TEST_F(LiveSinkTest, OutlivesItsReaderAndServesTheNext) {
    make_pipe();
    output::LiveSink& sink = sink_to(path_);
    sink.consume(event(10));
    EXPECT_EQ(events_of(read()).size(), 1U);
    reader_.reset();
    sink.consume(event(10));
    EXPECT_TRUE(output_->reader_has_gone());
    reader_ = Fd(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    sink.tick();
    EXPECT_EQ(events_of(read()).size(), 1U);
    EXPECT_FALSE(output_->reader_has_gone());
    EXPECT_TRUE(sink.finish());
}

TEST_F(LiveSinkTest, WritesNoMoreThanItsBudget) {
    output::LiveSink& sink = sink_to(path_);
    constexpr std::size_t kEvent = 100'000;
    const auto flood = [&](std::size_t bytes) {
        for (std::size_t written = 0; written < bytes; written += kEvent) {
            sink.consume(minor_event(kEvent));
        }
    };
    const auto size = [&] { return std::filesystem::file_size(path_); };
    const auto lines_with = [&](std::string_view word) {
        std::ifstream file(path_);
        std::size_t count = 0;
        for (std::string line; std::getline(file, line);) {
            count += line.contains(word) ? 1 : 0;
        }
        return count;
    };
    flood(2 * output::ByteBudget::kBurst);
    EXPECT_LE(size(), output::ByteBudget::kBurst / 2 + 2 * kEvent);
    sink.consume(event(kEvent));
    EXPECT_EQ(lines_with("\"stats\""), 1U) << "room for what is rare";
    for (int second = 0; second < 5; second++) {
        for (int part = 0; part < 10; part++) {
            clock_.advance(100ms);
            flood(output::ByteBudget::kPerSecond);
            sink.tick();
        }
    }
    EXPECT_LE(size(), output::ByteBudget::kBurst / 2 + 6 * output::ByteBudget::kPerSecond);
    EXPECT_GE(size(), output::ByteBudget::kBurst / 2 + 4 * output::ByteBudget::kPerSecond);
    EXPECT_GE(lines_with("\"left_out\""), 4U);
    EXPECT_LE(lines_with("\"left_out\""), 6U);
    EXPECT_TRUE(sink.finish()) << "what is above the bound is told, and no failure";
}

TEST_F(LiveSinkTest, SaysInTextWhatWasLeftOut) {
    output::Output output = std::move(*output::Output::file(path_));
    output::TextOutput text(output, output::Style(false), output::Detail::findings,
                            output::TimeForm::utc);
    text.consume(output::LeftOut{
        .wall = 1'800'000'000s, .above_bound = 1234, .not_taken = 1, .total = 2000});
    EXPECT_EQ(
        file(),
        "08:00:00.000000 left out: 1,234 events, as there were too many in that time; 1 event "
        "that could not be written; 2,000 in all\n");
}

}  // namespace
}  // namespace flowstamp
