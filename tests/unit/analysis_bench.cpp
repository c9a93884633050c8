// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/analysis_bench.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/datapath/forwarding_rig.h"
#include "tests/support/json_schema.h"
#include "user/analysis/flow_ends.h"
#include "user/output/json/json_events.h"

namespace flowstamp::testing {

/// A data path whose events go through the diagnosis.
class AnalysisBench::Feed final : public ForwardingRig {
  public:
    explicit Feed(analysis::Pipeline& pipeline) : pipeline_(pipeline) {}

    Outcome run(fst_hook hook, const Frame& frame) override {
        pipeline_.advance(Nanoseconds(static_cast<std::int64_t>(now_ns())));
        Outcome outcome = ForwardingRig::run(hook, frame);
        for (const SeenEvent& seen : outcome.events) {
            analysis::Observation observation;
            observation.event = seen.event;
            observation.slot = seen.flow;
            observation.interface = "eth" + std::to_string(seen.event.packet.key.ifindex);
            observation.wall = observation.time();
            pipeline_.consume(std::move(observation));
        }
        return outcome;
    }

  private:
    analysis::Pipeline& pipeline_;
};

namespace {

template <class Event>
void expect_described(const std::vector<Event>& events) {
    static const JsonSchema schema =
        JsonSchema::read(FLOWSTAMP_SOURCE_DIR "/docs/events.schema.json");
    for (const Event& event : events) {
        const nlohmann::json json = output::json_of(event);
        EXPECT_THAT(schema.violations(json), ::testing::IsEmpty()) << json.dump(2);
    }
}

}  // namespace

AnalysisBench::AnalysisBench() : rig_(std::make_unique<Feed>(pipeline_)) {}

AnalysisBench::~AnalysisBench() {
    expect_described(findings());
    expect_described(resets());
    expect_described(middleboxes());
}

void AnalysisBench::pass(Nanoseconds length) {
    rig_->advance_us(static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(length).count()));
    pipeline_.advance(Nanoseconds(static_cast<std::int64_t>(rig_->now_ns())));
}

analysis::FlowRecord AnalysisBench::record_of(const Conversation& talk, analysis::FlowEnd end) {
    const fst_flow flow = talk.flow();
    pipeline_.report({.slot = flow,
                    .slot_index = talk.slot(),
                    .interface = "eth1",
                    .end = end,
                    .wall = Nanoseconds(static_cast<std::int64_t>(rig_->now_ns())),
                    .start = {},
                    .last = analysis::FlowEnds::last_packet(flow)});
    return reporter_.flows.back();
}

std::string AnalysisBench::told() const {
    std::string text;
    for (const analysis::Finding& finding : findings()) {
        text += text.empty() ? "" : ", ";
        text += analysis::name_of(finding.kind);
        text += " ";
        text += finding.resolution ? analysis::name_of(*finding.resolution)
                                   : analysis::name_of(finding.verdict);
    }
    return text;
}

}  // namespace flowstamp::testing
