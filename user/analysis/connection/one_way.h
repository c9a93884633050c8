// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "user/analysis/detector.h"
#include "user/analysis/finding_updates.h"
#include "user/analysis/findings.h"
#include "user/analysis/slot_reader.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

/// A gateway, or a capture, that sees only one direction of its flows: the answers take another
/// path. The one that passes must acknowledge more and more that did not: a capture that was
/// filtered to one direction looks the same, so it is suspected at most. Reported once per
/// interface, once for a flow that passes several interfaces of this host, and withdrawn when the
/// other direction comes.
class OneWay final : public Detector {
  public:
    OneWay(const SlotReader& slots, Findings& findings) : slots_(slots), findings_(findings) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds now, FindingSink& sink) override;
    void finish(FindingSink& sink) override;

  private:
    /// How long the other direction may still turn up, and how long a flow is watched for that.
    static constexpr Nanoseconds kPatience = std::chrono::seconds(2);
    static constexpr std::size_t kMost = 1024;
    struct Half {
        Observation first;  ///< when the other direction was first missed
        FindingUpdates updates;
        Finding finding;
    };
    void judge(Half& half, FindingSink& sink);
    void both_seen(const ViewKey& view, FindingSink& sink);

    const SlotReader& slots_;
    Findings& findings_;
    std::map<ViewKey, Half> halves_;
    std::set<std::uint32_t> interfaces_;                             ///< reported
    std::optional<std::pair<net::Endpoint, net::Endpoint>> latest_;  ///< the ends reported last
};

}  // namespace flowstamp::analysis
