// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/diagnosis_bench.h"

namespace flowstamp::testing {

/// A data path whose events go through the diagnosis.
class DiagnosisBench::Feed final : public Rig {
  public:
    explicit Feed(Pipeline& pipeline) : rig_(make_host_rig({})), pipeline_(pipeline) {}

    Outcome run(fs_hook hook, const Frame& frame) override {
        rig_->advance_us((now_ns() - rig_->now_ns()) / 1000);
        pipeline_.advance(Nanoseconds(static_cast<std::int64_t>(now_ns())));
        Outcome outcome = rig_->run(hook, frame);
        for (const SeenEvent& seen : outcome.events) {
            Observation observation;
            observation.event = seen.event;
            observation.slot = seen.flow;
            observation.interface = "eth" + std::to_string(seen.event.packet.key.ifindex);
            observation.wall = observation.time();
            pipeline_.take(std::move(observation));
        }
        return outcome;
    }
    void set_policy(const fs_policy& policy) override { rig_->set_policy(policy); }
    std::uint32_t slots() const override { return rig_->slots(); }
    std::optional<fs_flow> flow(std::uint32_t slot) const override { return rig_->flow(slot); }
    std::uint64_t counter(fs_counter counter) const override { return rig_->counter(counter); }
    std::size_t least_bytes(fs_hook hook, bool v6) const override {
        return rig_->least_bytes(hook, v6);
    }

  private:
    std::unique_ptr<Rig> rig_;
    Pipeline& pipeline_;
};

DiagnosisBench::DiagnosisBench() : rig_(std::make_unique<Feed>(pipeline_)) {}

void DiagnosisBench::pass(Nanoseconds length) {
    rig_->advance_us(static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(length).count()));
    pipeline_.advance(Nanoseconds(static_cast<std::int64_t>(rig_->now_ns())));
}

std::string DiagnosisBench::told() const {
    std::string text;
    for (const Finding& finding : findings()) {
        text += text.empty() ? "" : ", ";
        text += ::flowstamp::name_of(finding.kind);
        text += " ";
        text += finding.resolution ? ::flowstamp::name_of(*finding.resolution)
                                   : ::flowstamp::name_of(finding.verdict);
    }
    return text;
}

}  // namespace flowstamp::testing
