// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Compares what is known about public captures with what this program reports.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "flowstamp/config.h"
#include "tests/captures/labels.h"
#include "tests/captures/replay_file.h"
#include "user/cmd/replay/kernel_datapath.h"

namespace flowstamp::testing {
namespace {

/// The latest reports on a frame.
struct Reported {
    std::string verdict = "nothing";
    std::string cause = "nothing";
    std::vector<std::string> findings{};

    [[nodiscard]] bool is_reported_forged() const {
        return verdict == "suspected" || verdict == "confirmed" ||
               std::ranges::count(findings, "forged-rst") != 0;
    }
};

std::map<std::uint64_t, Reported> reported_of(const std::string& path) {
    std::map<std::uint64_t, Reported> frames;
    for (const output::Json& event :
         replay_file(path, cmd::make_host_path(FST_FLOWS_DEFAULT)).events) {
        if (!event.contains("pcap_cnt")) {
            continue;
        }
        Reported& reported = frames[event["pcap_cnt"].get<std::uint64_t>()];
        if (event["event_type"] == "reset") {
            reported.verdict = event["reset"]["verdict"];
            reported.cause = event["reset"]["cause"];
        } else if (event["event_type"] == "finding") {
            reported.findings.push_back(event["finding"]["kind"]);
        }
    }
    return frames;
}

/// Empty if the reports agree with the label.
std::string error_line(const Label& label, const Reported& reported) {
    const bool found = std::ranges::count(reported.findings, label.kind == "injected_segment"
                                                                 ? "injected-segment"
                                                                 : "idle-timeout") != 0;
    if (label.kind == "forged_rst") {
        return reported.is_reported_forged() ? "" : "not found";
    }
    if (label.kind == "injected_segment") {
        return found ? "" : "not found";
    }
    if (reported.is_reported_forged()) {
        return "reported as forged";
    }
    // A carrier's or a gateway's middlebox may legitimately reset.
    if (label.kind == "edge_rst" || label.kind == "gateway_rst" || label.kind == "carrier_rst") {
        return reported.cause == "edge" ? "" : "cause " + reported.cause;
    }
    if (label.kind == "idle_timeout_rst") {
        return reported.cause == "aged-state" ? "" : "cause " + reported.cause;
    }
    if (label.kind == "idle_blackhole") {
        return found ? "" : "no idle-timeout";
    }
    return label.kind == "genuine_rst" ? "" : "unknown label";
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

TEST_F(LabelledCaptures, AreReportedAsLabelled) {
    for (const Label& label : read_labels(folder_)) {
        const auto reported = reported_of(folder_ + label.file);
        std::vector<std::uint64_t> frames = label.frames;
        if (frames.empty()) {
            for (const auto& [frame, unused] : reported) {
                frames.push_back(frame);
            }
        }
        for (const std::uint64_t frame : frames) {
            const auto entry = reported.find(frame);
            EXPECT_EQ(error_line(label, entry == reported.end() ? Reported{} : entry->second), "")
                << label.file << ", frame " << frame << ": " << label.text;
        }
    }
}

TEST_F(LabelledCaptures, NoOtherFrameIsReportedAsForged) {
    const auto labels = read_labels(folder_);
    for (const std::string& file : list_captures(folder_)) {
        if (file.starts_with("cases/")) {
            continue;  // these have their own table, CASES.tsv, and no labels by frame
        }
        for (const auto& [frame, reported] : reported_of(folder_ + file)) {
            const auto labelled = [&](const Label& label) {
                return label.file == file &&
                       (label.frames.empty() || std::ranges::count(label.frames, frame) != 0);
            };
            if (std::ranges::none_of(labels, labelled)) {
                EXPECT_FALSE(reported.is_reported_forged()) << file << ", frame " << frame;
            }
        }
    }
}

TEST_F(LabelledCaptures, BothBackendsReportTheSame) {
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
