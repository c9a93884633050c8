// SPDX-License-Identifier: Apache-2.0
//
// The whole diagnosis over the data path of the host: packets in, findings out.
//
//     AnalysisBench bench;
//     Conversation talk(bench.rig(), FST_HOOK_XDP);
//     talk.open();
//     bench.pass(2s);
//     EXPECT_EQ(bench.kinds(), "stalled confirmed");
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/datapath/conversation.h"
#include "tests/datapath/host_rig.h"
#include "tests/support/recording_sink.h"
#include "user/analysis/pipeline.h"

namespace flowstamp::testing {

class AnalysisBench {
  public:
    AnalysisBench();
    /// All that was told is as docs/events.schema.json describes it, and has its sentences.
    ~AnalysisBench();

    /// What packets are put in by; each goes through the diagnosis at once.
    [[nodiscard]] Rig& rig() { return *rig_; }
    /// Time passes, and nothing comes.
    void pass(Nanoseconds length);
    void finish() { pipeline_.finish(); }

    [[nodiscard]] const std::vector<analysis::Finding>& findings() const { return reporter_.findings; }
    [[nodiscard]] const std::vector<analysis::Middlebox>& middleboxes() const {
        return reporter_.middleboxes;
    }
    [[nodiscard]] const RecordingPolicy& policy() const { return policy_; }
    [[nodiscard]] const std::vector<analysis::Reset>& resets() const { return reporter_.resets; }
    /// The flow's record, as if it ended so now.
    [[nodiscard]] analysis::FlowRecord record_of(const Conversation& talk, analysis::FlowEnd end);
    /// All that was told, in order: "stalled suspected, stalled confirmed, stalled recovered".
    [[nodiscard]] std::string told() const;

  private:
    class Feed;
    struct Recorder final : output::Reporter {
        void reset(const analysis::Reset& reset) override { resets.push_back(reset); }
        void finding(const analysis::Finding& finding) override { findings.push_back(finding); }
        void middlebox(const analysis::Middlebox& box) override { middleboxes.push_back(box); }
        void flow(const analysis::FlowRecord& record) override { flows.push_back(record); }
        void stats(const output::Stats&) override {}
        void summary(const output::Stats&) override {}
        std::vector<analysis::Reset> resets;
        std::vector<analysis::Finding> findings;
        std::vector<analysis::Middlebox> middleboxes;
        std::vector<analysis::FlowRecord> flows;
    };
    struct Slots final : analysis::SlotReader {
        explicit Slots(const std::unique_ptr<Rig>& given) : rig(given) {}
        [[nodiscard]] std::optional<fst_flow> read(std::uint32_t slot) const override {
            return rig->flow(slot);
        }
        const std::unique_ptr<Rig>& rig;
    };

    std::unique_ptr<Rig> rig_;
    Slots slots_{rig_};
    RecordingPolicy policy_;
    Recorder reporter_;
    analysis::Pipeline pipeline_{{slots_, policy_, reporter_}, 10'000, std::nullopt};
};

}  // namespace flowstamp::testing
