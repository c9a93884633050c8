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

    /// What packets are put in by; each goes through the diagnosis at once.
    [[nodiscard]] Rig& rig() { return *rig_; }
    /// Time passes, and nothing comes.
    void pass(Nanoseconds length);
    void finish() { pipeline_.finish(); }

    [[nodiscard]] const std::vector<Finding>& findings() const { return reporter_.findings; }
    [[nodiscard]] const std::vector<Middlebox>& middleboxes() const {
        return reporter_.middleboxes;
    }
    [[nodiscard]] const RecordingPolicy& policy() const { return policy_; }
    [[nodiscard]] const std::vector<Reset>& resets() const { return reporter_.resets; }
    /// The flow's record, as if it ended so now.
    [[nodiscard]] FlowRecord record_of(const Conversation& talk, FlowEnd end);
    /// All that was told, in order: "stalled suspected, stalled confirmed, stalled recovered".
    [[nodiscard]] std::string told() const;

  private:
    class Feed;
    struct Recorder final : Reporter {
        void reset(const Reset& reset) override { resets.push_back(reset); }
        void finding(const Finding& finding) override { findings.push_back(finding); }
        void middlebox(const Middlebox& box) override { middleboxes.push_back(box); }
        void flow(const FlowRecord& record) override { flows.push_back(record); }
        void stats(const Stats&) override {}
        void summary(const Stats&) override {}
        std::vector<Reset> resets;
        std::vector<Finding> findings;
        std::vector<Middlebox> middleboxes;
        std::vector<FlowRecord> flows;
    };
    struct Slots final : SlotReader {
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
    Pipeline pipeline_{{slots_, policy_, reporter_}, 10'000, std::nullopt};
};

}  // namespace flowstamp::testing
