// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "flowstamp/policy.h"
#include "user/analysis/aggregator.h"
#include "user/analysis/reset/forged_rst.h"

namespace flowstamp::testing {

/// Records what a detector reports.
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

/// The detector with all its dependencies, connected as in the program.
struct ForgedRstBench {
    void see(analysis::Observation observation) {
        aggregator.record(observation);
        handshakes.record(observation);
        scans.record(observation);
        (void)rests.record(observation);
        detector.observe(observation, sink);
    }
    void advance(Nanoseconds now) { detector.advance(now, sink); }

    FakeSlots slots;
    RecordingPolicy policy;
    RecordingSink sink;
    analysis::Aggregator aggregator{1000};
    analysis::Findings findings;
    analysis::HostMemory hosts;
    analysis::IdlePeriods rests;
    analysis::Scans scans;
    analysis::Handshakes handshakes;
    analysis::ForgedRst detector{{slots, hosts, handshakes, rests, scans, policy, findings}};
};

}  // namespace flowstamp::testing
