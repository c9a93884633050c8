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

/// Keeps what is published, and what came and went with each list.
class RecordingPolicy final : public analysis::PolicySink {
  public:
    bool publish(std::span<const net::LearnedSignature> list) override {
        lists++;
        for (const net::LearnedSignature& its : list) {
            if (!holds(held, its.signature)) {
                learned.push_back(its.signature);
            }
        }
        if (!learns) {
            return false;
        }
        for (const net::LearnedSignature& its : held) {
            if (!holds(list, its.signature)) {
                forgotten.push_back(its.signature);
            }
        }
        held.assign(list.begin(), list.end());
        return true;
    }
    static bool holds(std::span<const net::LearnedSignature> list,
                      const fst_learned_signature& signature) {
        return std::ranges::any_of(list, [&](const net::LearnedSignature& its) {
            return net::same_signature(its.signature, signature);
        });
    }

    bool learns = true;
    std::size_t lists = 0;                    ///< that were published
    std::vector<net::LearnedSignature> held;  ///< the latest that was taken
    std::vector<fst_learned_signature> learned;
    std::vector<fst_learned_signature> forgotten;
};

/// The detector with all its dependencies, connected as in the program.
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
