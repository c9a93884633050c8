// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The whole analysis on the host's data path: packets in, findings out.
//
//     AnalysisBench bench;
//     Conversation talk(bench.rig(), FST_HOOK_XDP);
//     talk.open();
//     bench.pass(2s);
//     EXPECT_EQ(bench.findings_text(), "stalled confirmed");
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/datapath/conversation.h"
#include "tests/datapath/host_rig.h"
#include "tests/support/recording_sink.h"
#include "user/analysis/session.h"
#include "user/output/event.h"

namespace flowstamp::testing {

/// A host that says what a test wants.
struct FakeHost final : analysis::ThisHost {
    [[nodiscard]] std::optional<Route> route_to(const net::Endpoint&) const override {
        return route;
    }
    [[nodiscard]] std::optional<Reader> stuck_reader(const net::Endpoint& own,
                                                     const net::Endpoint&) const override {
        return own.port == reader_port ? reader : std::nullopt;
    }
    [[nodiscard]] bool is_watched_whole() const override { return watched_whole; }
    [[nodiscard]] std::optional<std::uint64_t> events_lost() const override { return lost; }

    std::optional<Route> route{};
    std::optional<Reader> reader{};
    std::uint16_t reader_port = 0;
    bool watched_whole = true;
    std::uint64_t lost = 0;
};

class AnalysisBench {
  public:
    explicit AnalysisBench(const RigOptions& options = {});
    AnalysisBench(const AnalysisBench&) = delete;
    AnalysisBench& operator=(const AnalysisBench&) = delete;
    ~AnalysisBench();

    /// Packets enter here; the session handles each at once.
    [[nodiscard]] Rig& rig() { return *rig_; }
    /// What the session is told when it asks about the host.
    [[nodiscard]] FakeHost& host() { return host_; }
    /// Time passes without packets.
    void pass(Nanoseconds length);
    void finish();
    /// This host's kernel reports that it dropped a packet.
    void drop(const analysis::HostDrop& drop) { session_->host_drop(drop); }

    [[nodiscard]] const std::vector<analysis::Finding>& findings() const {
        return recorder_.findings;
    }
    [[nodiscard]] const std::vector<analysis::Incident>& incidents() const {
        return recorder_.incidents;
    }
    [[nodiscard]] const std::vector<analysis::Middlebox>& middleboxes() const {
        return recorder_.middleboxes;
    }
    [[nodiscard]] const RecordingPolicy& policy() const { return policy_; }
    [[nodiscard]] const std::vector<analysis::Reset>& resets() const { return recorder_.resets; }
    /// The flow's record, as if it ended now, by `end`.
    [[nodiscard]] analysis::FlowRecord record_of(const Conversation& talk, analysis::FlowEnd end);
    /// All findings, in order: "stalled suspected, stalled confirmed, stalled recovered".
    [[nodiscard]] std::string findings_text() const;

  private:
    class Feed;
    struct Recorder final : analysis::ReportSink {
        void consume(analysis::Report report) override {
            std::visit(
                output::Handle{[this](analysis::Reset& item) { resets.push_back(item); },
                               [this](analysis::Finding& item) { findings.push_back(item); },
                               [this](analysis::Incident& item) { incidents.push_back(item); },
                               [this](analysis::Middlebox& item) { middleboxes.push_back(item); },
                               [this](analysis::FlowRecord& item) { flows.push_back(item); },
                               [](auto&) {}},
                report);
        }
        std::vector<analysis::Reset> resets;
        std::vector<analysis::Finding> findings;
        std::vector<analysis::Incident> incidents;
        std::vector<analysis::Middlebox> middleboxes;
        std::vector<analysis::FlowRecord> flows;
    };
    /// The rig's flow table. Learned signatures go to the session's policy sink instead.
    class RigDatapath final : public analysis::Datapath {
      public:
        explicit RigDatapath(AnalysisBench& bench) : bench_(bench) {}
        [[nodiscard]] std::optional<fst_flow> read(std::uint32_t slot) const override {
            return rig().flow(slot);
        }
        [[nodiscard]] std::uint32_t slots() const override { return rig().slots(); }
        std::uint32_t scan(std::uint32_t first, std::uint32_t count, const Visit& visit) override;
        [[nodiscard]] Result<analysis::DatapathStats> stats() const override;
        bool publish(std::span<const net::LearnedSignature>) override { return false; }

      private:
        [[nodiscard]] Rig& rig() const { return *bench_.rig_; }
        AnalysisBench& bench_;
    };
    void advance();

    std::unique_ptr<Rig> rig_;
    RigDatapath datapath_;
    FakeHost host_;
    RecordingPolicy policy_;
    Recorder recorder_;
    std::unique_ptr<analysis::Session> session_;
};

}  // namespace flowstamp::testing
