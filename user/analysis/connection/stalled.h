// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <map>

#include "user/analysis/detector.h"
#include "user/analysis/finding_updates.h"
#include "user/analysis/tracking/tracking.h"

namespace flowstamp::analysis {

/// An established flow, one end of which retransmits the same data again and again: nothing
/// acknowledges it. A ban in the middle of a connection looks so. Not: a closed window
/// (ZeroWindow), segments that are too large (MtuBlackHole), a server that has not accepted the
/// connection yet (AcceptQueue), and what follows an idle period (IdleTimeout).
class Stalled final : public Detector {
  public:
    /// Retransmissions by timer, in a row, and how long the data has been waiting.
    static constexpr unsigned kEnough = 3;
    static constexpr Nanoseconds kPatience = std::chrono::seconds(1);

    /// `tracking` outlives the detector, and has recorded each observation before it comes here.
    explicit Stalled(Tracking& tracking) : tracking_(tracking) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds now, FindingSink& sink) override;
    void finish(FindingSink&) override {}

  private:
    struct Stall {
        Nanoseconds since{0};
        Nanoseconds latest{0};      ///< retransmission
        bool acks_lost = false;     ///< what is sent again had been acknowledged here
        std::uint32_t seq_end = 0;  ///< one past the last byte that its sender had sent
        FindingUpdates updates;
        Finding finding;
    };
    void retransmission(const Observation& observation, FindingSink& sink);
    [[nodiscard]] bool has_gone_on(const Retransmissions::Side& side, const Stall& stall) const;
    void end(const Retransmissions::Side& side, Resolution resolution, Nanoseconds now,
             FindingSink& sink);

    Tracking& tracking_;
    std::map<Retransmissions::Side, Stall> stalls_;
};

}  // namespace flowstamp::analysis
