// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What is known of public captures, and what this program makes of them.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "flowstamp/config.h"
#include "tests/captures/labels.h"
#include "tests/support/replayed.h"
#include "user/cmd/replay/kernel_datapath.h"

namespace flowstamp::testing {
namespace {

/// What was told of a frame last.
struct Told {
    std::string verdict = "nothing";
    std::string cause = "nothing";
    std::vector<std::string> findings{};

    [[nodiscard]] bool is_blamed() const {
        return verdict == "suspected" || verdict == "confirmed" ||
               std::ranges::count(findings, "forged-rst") != 0;
    }
};

Replayed replay_file(const std::string& path, Result<std::unique_ptr<cmd::ReplayPath>> home) {
    Replayed replayed;
    auto source = net::open_file(path);
    if (!source || !home) {
        ADD_FAILURE() << (source ? home.error() : source.error()).message();
        return replayed;
    }
    replayed = replay(std::move(*source), **home);
    EXPECT_TRUE(replayed.read) << replayed.read.error().message();
    return replayed;
}

std::map<std::uint64_t, Told> reported_of(const std::string& path) {
    std::map<std::uint64_t, Told> frames;
    for (const output::Json& event :
         replay_file(path, cmd::make_host_path(FST_FLOWS_DEFAULT)).events) {
        if (!event.contains("pcap_cnt")) {
            continue;
        }
        Told& told = frames[event["pcap_cnt"].get<std::uint64_t>()];
        if (event["event_type"] == "reset") {
            told.verdict = event["reset"]["verdict"];
            told.cause = event["reset"]["cause"];
        } else if (event["event_type"] == "finding") {
            told.findings.push_back(event["finding"]["kind"]);
        }
    }
    return frames;
}

/// Nothing where all is as the label says.
std::string error_line(const Label& label, const Told& told) {
    const bool found =
        std::ranges::count(told.findings, label.kind == "injected_segment" ? "injected-segment"
                                                                           : "idle-timeout") != 0;
    if (label.kind == "forged_rst") {
        return told.is_blamed() ? "" : "not found";
    }
    if (label.kind == "injected_segment") {
        return found ? "" : "not found";
    }
    if (told.is_blamed()) {
        return "blamed";
    }
    // A carrier's or a gateway's box may rightly reset.
    if (label.kind == "edge_rst" || label.kind == "gateway_rst" || label.kind == "carrier_rst") {
        return told.cause == "edge" ? "" : "cause " + told.cause;
    }
    if (label.kind == "idle_timeout_rst") {
        return told.cause == "aged-state" ? "" : "cause " + told.cause;
    }
    if (label.kind == "idle_blackhole") {
        return found ? "" : "no idle-timeout";
    }
    return label.kind == "genuine_rst" ? "" : "the label is not known";
}

class LabelledCaptures : public ::testing::Test {
  protected:
    void SetUp() override {
        const auto folder = captures_folder();
        if (!folder) {
            GTEST_SKIP() << "no captures: set FLOWSTAMP_CAPTURES to their folder";
        }
        folder_ = *folder;
    }

    std::string folder_;
};

TEST_F(LabelledCaptures, AreToldAsTheyAreLabelled) {
    for (const Label& label : read_labels(folder_)) {
        const auto told = reported_of(folder_ + label.file);
        std::vector<std::uint64_t> frames = label.frames;
        if (frames.empty()) {
            for (const auto& [frame, unused] : told) {
                frames.push_back(frame);
            }
        }
        for (const std::uint64_t frame : frames) {
            const auto its = told.find(frame);
            EXPECT_EQ(error_line(label, its == told.end() ? Told{} : its->second), "")
                << label.file << ", frame " << frame << ": " << label.text;
        }
    }
}

TEST_F(LabelledCaptures, NobodyElseIsBlamed) {
    const auto labels = read_labels(folder_);
    for (const std::string& file : list_captures(folder_)) {
        if (file.starts_with("cases/")) {
            continue;  // these have a table of their own, CASES.tsv, and no labels by frame
        }
        for (const auto& [frame, told] : reported_of(folder_ + file)) {
            const auto labelled = [&](const Label& label) {
                return label.file == file &&
                       (label.frames.empty() || std::ranges::count(label.frames, frame) != 0);
            };
            if (std::ranges::none_of(labels, labelled)) {
                EXPECT_FALSE(told.is_blamed()) << file << ", frame " << frame;
            }
        }
    }
}

TEST_F(LabelledCaptures, BothHomesTellTheSame) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "needs root";
    }
    for (const std::string& file : list_captures(folder_)) {
        const Replayed host = replay_file(folder_ + file, cmd::make_host_path(FST_FLOWS_DEFAULT));
        const Replayed kernel =
            replay_file(folder_ + file, cmd::make_kernel_path(FST_FLOWS_DEFAULT));
        EXPECT_EQ(host.text(), kernel.text()) << file;
    }
}

}  // namespace
}  // namespace flowstamp::testing
