// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Names and texts made to control a terminal or to forge lines, through every text output.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/datapath/conversation.h"
#include "tests/datapath/forwarding_rig.h"
#include "tests/support/capture_file.h"
#include "tests/support/events.h"
#include "tests/support/recording_sink.h"
#include "user/base/console.h"
#include "user/base/printable.h"
#include "user/cmd/replay/progress.h"
#include "user/cmd/replay/run_replay.h"
#include "user/output/json/json_output.h"
#include "user/output/text/path_live.h"
#include "user/output/text/text_output.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

/// A forged line, a colour, the eight-bit CSI, an override of the writing's direction, no UTF-8.
const std::string kHostile =
    "x\n11:06:40.000000 reset #9 forged\r\033[31m\a\xc2\x9b"
    "1m\u202e\xff\x7fy";

class HostileText : public ::testing::Test {
  protected:
    HostileText() {
        std::string name = fs::temp_directory_path() / "flowstamp-hostile-XXXXXX";
        directory_ = ::mkdtemp(name.data());
    }
    ~HostileText() override { fs::remove_all(directory_); }

    [[nodiscard]] static std::string read(const fs::path& path) {
        std::ifstream file(path);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    [[nodiscard]] std::string text_of(const output::Event& event) const {
        auto output = output::Output::file(directory_ / "text");
        output::TextOutput(*output, output::Style(false), output::Detail::all,
                           output::TimeForm::utc)
            .consume(event);
        return read(directory_ / "text");
    }
    [[nodiscard]] std::string json_of(const output::Event& event) const {
        auto output = output::Output::file(directory_ / "json");
        output::JsonOutput(*output, false).consume(event);
        return read(directory_ / "json");
    }

    fs::path directory_;
};

/// Whether each line is harmless, and none begins as the forged one.
void expect_harmless(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        EXPECT_EQ(line, printable(line));
        EXPECT_FALSE(line.starts_with("11:06:40.000000 reset #9")) << line;
    }
}

/// Each kind of event, with `text` wherever one has text from outside.
std::vector<output::Event> events_with(const std::string& text) {
    ForgedRstBench bench;
    FlowScript script;
    bench.observe(script.rst({.ttl = 60, .signals = FST_SIGNAL_BIT(FST_SIGNAL_NEARER)}));
    analysis::Reset reset = bench.sink.resets.at(0);
    reset.sighting.interface = text;
    analysis::Finding finding = bench.sink.findings.at(0);
    finding.sighting.interface = finding.vendor = text;
    finding.evidence.at(0).observed = {analysis::field::rule(text), analysis::field::why(text),
                                       analysis::field::drop_words(text)};
    analysis::Statement& statement = finding.summary.at(0);
    statement.phrase = analysis::Phrase::host_drops;
    statement.values = {analysis::field::sender(net::Endpoint{}),
                        analysis::field::receiver(net::Endpoint{}),
                        analysis::field::rule(text),
                        analysis::field::probable_rule(text),
                        analysis::field::place(text),
                        analysis::field::drop_words(text),
                        analysis::field::translated(text),
                        analysis::field::interface(text)};
    const analysis::Incident incident{.place = text, .rule = text, .interface = text};
    analysis::Middlebox box;
    box.interface = box.vendor = text;
    box.mac = analysis::Mac{};
    const analysis::FlowRecord record{.slot = example_flow(), .interface = text};
    analysis::Stats stats;
    stats.unopened[text] = 1;
    const pathtrace::PathReport path{
        .end = pathtrace::PacketPath::End::dropped,
        .steps = {{.at = text, .passed = {text}, .changed = {text}}},
        .drop = pathtrace::PathReport::Drop{
            .at = text,
            .reason = text,
            .location = text,
            .words = {.words = text, .look_at = text},
            .attribution = netfilter::DropAttribution{
                .table = text, .chain = text, .text = text, .why = text}}};
    return {output::CaptureStart{text},
            reset,
            finding,
            incident,
            box,
            record,
            stats,
            analysis::Summary{stats},
            output::OpenFlow{record, 0s},
            path};
}

TEST_F(HostileText, ReachesNoLineOfAnyEvent) {
    const auto hostile = events_with(kHostile), plain = events_with("x");
    for (std::size_t i = 0; i < hostile.size(); i++) {
        const std::string text = text_of(hostile[i]);
        expect_harmless(text);
        EXPECT_EQ(std::ranges::count(text, '\n'), std::ranges::count(text_of(plain[i]), '\n'))
            << text;
        const std::string json = json_of(hostile[i]);
        expect_harmless(json);
        EXPECT_LE(std::ranges::count(json, '\n'), 1);
        EXPECT_TRUE(json.empty() || nlohmann::json::accept(json)) << json;
    }
}

TEST_F(HostileText, ReachesNoLineOfTheLiveView) {
    auto output = output::Output::file(directory_ / "text");
    output::PathLive live(*output, output::Style(false), output::TimeForm::utc, false, "tcp");
    live.draw({.parts = {{.name = kHostile, .packets = 1}},
               .losses = {{.at = kHostile, .before = kHostile, .by = kHostile, .packets = 1}},
               .stats = {}},
              1s);
    std::string text = read(directory_ / "text");
    for (const std::string control : {"\r", "\033[K", "\033[J", "\033[4A", "\033[5A", "\033[6A"}) {
        for (std::size_t at = 0; (at = text.find(control)) != std::string::npos;) {
            text.erase(at, control.size());
        }
    }
    expect_harmless(text);
}

TEST_F(HostileText, ReachesNoMessage) {
    EXPECT_EQ(console_line(kHostile), "flowstamp: " + printable(kHostile) + "\n");
    EXPECT_EQ(console_line(Error{.operation = "open", .object = "a\033b"}.message()),
              "flowstamp: a\\x1bb: open: failed\n");
    TestClock clock;
    std::FILE* terminal = std::fopen((directory_ / "progress").c_str(), "w");
    {
        cmd::Progress progress(terminal, kHostile, clock);
        clock.advance(10s);
        progress.show(std::nullopt, 1);
    }
    std::fclose(terminal);
    const std::string shown = read(directory_ / "progress");
    EXPECT_TRUE(shown.contains(printable(kHostile))) << shown;
}

/// Writes what is run on it to a pcapng capture whose interface has a name of the test's choice.
class NamedRig final : public ForwardingRig {
  public:
    explicit NamedRig(const std::string& name) { file_.section().interface({.name = name}); }
    Outcome run(fst_hook hook, const Frame& frame) override {
        file_.enhanced(0, now_ns() / 1000, frame.bytes);
        return ForwardingRig::run(hook, frame);
    }
    [[nodiscard]] const Bytes& file() const { return file_.bytes(); }

  private:
    PcapngFile file_;
};

TEST_F(HostileText, ReachesNoLineOfAReplay) {
    NamedRig rig(kHostile);
    Conversation talk(rig, FST_HOOK_XDP);
    talk.open().exchange(4);
    Segment reset = talk.next(End::peer, Rst);
    reset.ttl = static_cast<std::uint8_t>(talk.setting().peer.ttl + 3);
    talk.send(reset);
    talk.pass_ms(30);
    talk.exchange(20);
    const fs::path capture = directory_ / "a\033[31m\nb.pcapng";
    std::ofstream(capture, std::ios::binary)
        .write(reinterpret_cast<const char*>(rig.file().data()),
               static_cast<std::streamsize>(rig.file().size()));
    for (const bool json : {false, true}) {
        const fs::path report = directory_ / "report";
        EXPECT_EQ(cmd::run_replay({.reads = {capture},
                                   .json = json,
                                   .output = report,
                                   .max_flows = 1024,
                                   .verbosity = 1}),
                  0);
        const std::string text = read(report);
        EXPECT_TRUE(text.contains("reset #9")) << "the name is shown: " << text;
        expect_harmless(text);
    }
}

}  // namespace
}  // namespace flowstamp::testing
