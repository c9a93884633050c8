// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <map>

#include "user/analysis/detector.h"
#include "user/analysis/finding_updates.h"
#include "user/analysis/tracking/tracking.h"

namespace flowstamp::analysis {

/// Segments above a size are lost again and again, smaller ones pass: a link on the way has a
/// smaller MTU, and the ICMP error that should say so is missing, or is ignored (RFC 2923).
class MtuBlackHole final : public Detector {
  public:
    /// Retransmissions of one size without an acknowledgement that count; and with the ICMP error, or
    /// where the sender itself then tries smaller segments (RFC 4821; Windows after two).
    static constexpr unsigned kEnough = 3;
    static constexpr unsigned kEnoughWithMore = 2;

    /// `tracking` outlives the detector, and has recorded each observation before it comes here.
    explicit MtuBlackHole(Tracking& tracking) : tracking_(tracking) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds now, FindingSink& sink) override;
    void finish(FindingSink&) override {}

  private:
    struct Hole {
        Nanoseconds latest{0};
        std::uint32_t payload = 0;  ///< of the segments that are lost, bytes
        bool has_shrunk = false;    ///< the sender has gone over to smaller segments
        bool has_icmp = false;
        FindingUpdates updates;
        Finding finding;
    };
    void judge(const Observation& observation, unsigned direction, FindingSink& sink);
    void end(const Retransmissions::Side& side, Resolution resolution, FindingSink& sink);

    Tracking& tracking_;
    std::map<Retransmissions::Side, Hole> holes_;  ///< by the side whose segments are lost
};

}  // namespace flowstamp::analysis
