// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/unit/analysis_bench.h"

#include <algorithm>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/datapath/forwarding_rig.h"
#include "tests/support/json_schema.h"
#include "user/output/json/json_events.h"

namespace flowstamp::testing {

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

/// The host's data path; its events go to a session.
class AnalysisBench::Feed final : public ForwardingRig {
  public:
    Feed(AnalysisBench& bench, const RigOptions& options) : ForwardingRig(options), bench_(bench) {}

    Outcome run(fst_hook hook, const Frame& frame) override {
        bench_.advance();
        Outcome outcome = ForwardingRig::run(hook, frame);
        for (const SeenEvent& seen : outcome.events) {
            bench_.session_->event(seen.event, seen.flow ? &*seen.flow : nullptr);
        }
        return outcome;
    }

  private:
    AnalysisBench& bench_;
};

std::uint32_t AnalysisBench::RigDatapath::scan(std::uint32_t first, std::uint32_t count,
                                               const Visit& visit) {
    const std::uint32_t end = std::min(first + count, slots());
    for (std::uint32_t slot = first; slot < end; slot++) {
        if (const auto flow = rig().flow(slot); flow && flow->tag > FST_TAG_BUSY) {
            visit(slot, *flow);
        }
    }
    return end == slots() ? 0 : end;
}

Result<analysis::DatapathStats> AnalysisBench::RigDatapath::stats() const {
    analysis::DatapathStats stats;
    for (unsigned i = 0; i < FST_COUNT_MAX; i++) {
        stats.counters[i] = rig().counter(static_cast<fst_counter>(i));
    }
    return stats;
}

AnalysisBench::AnalysisBench(const RigOptions& options)
    : rig_(std::make_unique<Feed>(*this, options)), datapath_(*this) {
    session_ = std::make_unique<analysis::Session>(
        analysis::Session::Dependencies{
            .datapath = datapath_,
            .policy = policy_,
            .reports = recorder_,
            .interface_name = [](std::uint32_t ifindex) { return "eth" + std::to_string(ifindex); },
            .host = host_},
        analysis::Session::Options{});
}

void AnalysisBench::advance() {
    const Status advanced =
        session_->advance(Nanoseconds(static_cast<std::int64_t>(rig_->now_ns())));
    if (!advanced) {
        throw std::runtime_error(advanced.error().message());
    }
}

void AnalysisBench::finish() {
    if (const auto stats = session_->finish(); !stats) {
        throw std::runtime_error(stats.error().message());
    }
}

AnalysisBench::~AnalysisBench() {
    expect_described(findings());
    expect_described(resets());
    expect_described(middleboxes());
}

void AnalysisBench::pass(Nanoseconds length) {
    rig_->advance_us(static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(length).count()));
    advance();
}

analysis::FlowRecord AnalysisBench::record_of(const Conversation& talk, analysis::FlowEnd end) {
    session_->flow_ended(talk.slot(), talk.flow(), end);
    return recorder_.flows.back();
}

std::string AnalysisBench::findings_text() const {
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
