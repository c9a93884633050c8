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

/// An established flow of which one end retransmits its data, and nothing acknowledges it: as when
/// a firewall blocks an open connection. What follows a long idle period is left to IdleTimeout.
class Stalled final : public Detector {
  public:
    /// Retransmissions by timer, in a row, and how long the data has been waiting.
    static constexpr unsigned kEnough = 3;
    static constexpr Nanoseconds kPatience = std::chrono::seconds(1);
    /// Forgotten when nothing was retransmitted for this long (Linux: two minutes between two tries
    /// at the most).
    static constexpr Nanoseconds kForget = std::chrono::minutes(5);

    /// `idle_periods` is kept by the caller: it has recorded each observation before it comes here.
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
