// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "flowstamp/policy.h"
#include "user/analysis/reset/forged_rst.h"
#include "user/analysis/aggregator.h"

namespace flowstamp::testing {

/// Keeps what a detector tells.
class RecordingSink final : public analysis::FindingSink {
  public:
    void reset(const analysis::Reset& reset) override { resets.push_back(reset); }
    void finding(const analysis::Finding& finding) override { findings.push_back(finding); }

    std::vector<analysis::Reset> resets;
    std::vector<analysis::Finding> findings;
};

/// A flow table that a test fills.
class FakeSlots final : public analysis::SlotReader {
  public:
    [[nodiscard]] std::optional<fst_flow> read(std::uint32_t slot) const override {
        const auto place = flows.find(slot);
        return place == flows.end() ? std::nullopt : std::optional(place->second);
    }
    std::map<std::uint32_t, fst_flow> flows;
};

class RecordingPolicy final : public analysis::PolicySink {
  public:
    bool learn_signature(const fst_learned_signature& signature) override {
        learned.push_back(signature);
        return learns;
    }
    void forget(const fst_learned_signature& signature) override { forgotten.push_back(signature); }
    bool learns = true;
    std::vector<fst_learned_signature> learned;
    std::vector<fst_learned_signature> forgotten;
};

/// The detector with everything around it, as a program would wire it.
struct ForgedRstBench {
    void see(analysis::Observation observation) {
        aggregator.record(observation);
        tracking.record(observation);
        detector.observe(observation, sink);
    }
    void advance(Nanoseconds now) {
        tracking.advance(now);
        detector.advance(now, sink);
    }

    FakeSlots slots;
    RecordingPolicy policy;
    RecordingSink sink;
    analysis::Aggregator aggregator{1000};
    analysis::Tracking tracking{slots, policy};
    analysis::ForgedRst detector{tracking};
};

}  // namespace flowstamp::testing
