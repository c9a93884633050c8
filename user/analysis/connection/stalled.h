// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <utility>

#include "user/analysis/detector.h"
#include "user/analysis/finding_updates.h"
#include "user/analysis/findings.h"
#include "user/analysis/tracking/idle_periods.h"

namespace flowstamp::analysis {

/// An established flow, one end of which sends the same data again and again: nothing acknowledges
/// it. A ban in the middle of a connection looks so. What comes after a long rest belongs to
/// IdleTimeout.
class Stalled final : public Detector {
  public:
    /// Retransmissions by timer, in a row, and how long the data has been waiting.
    static constexpr unsigned kEnough = 3;
    static constexpr Nanoseconds kPatience = std::chrono::seconds(1);
    /// Nobody sends again after so long (Linux: two minutes between two tries at the most).
    static constexpr Nanoseconds kForget = std::chrono::minutes(5);

    /// `rests` is kept by the caller: it has filed each observation before it comes here.
    Stalled(const IdlePeriods& idle_periods, Findings& findings)
        : idle_periods_(idle_periods), findings_(findings) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds now, FindingSink& sink) override;
    void finish(FindingSink&) override {}

  private:
    static constexpr std::size_t kMost = 65536;
    using Side = std::pair<ViewKey, unsigned>;
    struct Wait {
        unsigned retransmissions = 0;
        Nanoseconds latest{0};
        Nanoseconds since{0};  ///< when the data that waits was first sent, as far as is known
        FindingUpdates updates;
        Finding finding;
    };
    void retransmission(const Observation& observation, FindingSink& sink);
    void end(const Side& side, Resolution resolution, Nanoseconds now, FindingSink& sink);

    const IdlePeriods& idle_periods_;
    Findings& findings_;
    std::map<Side, Wait> waits_;
    Nanoseconds swept_{0};
};

}  // namespace flowstamp::analysis
