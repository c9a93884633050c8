// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
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

/// Keeps the latest list, and the signatures added and removed by each.
class RecordingPolicy final : public analysis::PolicySink {
  public:
    bool publish(std::span<const net::LearnedSignature> list) override {
        publications++;
        for (const net::LearnedSignature& entry : list) {
            if (!contains(current, entry.signature)) {
                learned.push_back(entry.signature);
            }
        }
        if (!accepts) {
            return false;
        }
        for (const net::LearnedSignature& entry : current) {
            if (!contains(list, entry.signature)) {
                forgotten.push_back(entry.signature);
            }
        }
        current.assign(list.begin(), list.end());
        return true;
    }
    static bool contains(std::span<const net::LearnedSignature> list,
                         const fst_learned_signature& signature) {
        return std::ranges::any_of(list, [&](const net::LearnedSignature& entry) {
            return net::same_signature(entry.signature, signature);
        });
    }

    bool accepts = true;
    std::size_t publications = 0;                ///< number of lists published
    std::vector<net::LearnedSignature> current;  ///< the latest list accepted
    std::vector<fst_learned_signature> learned;
    std::vector<fst_learned_signature> forgotten;
};

/// The detector with all its dependencies, connected as in the program.
struct ForgedRstBench {
    void observe(analysis::Observation observation) {
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
