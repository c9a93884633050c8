// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>

#include "user/analysis/detector.h"
#include "user/analysis/finding_updates.h"
#include "user/analysis/findings.h"
#include "user/analysis/tracking/idle_periods.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

/// A flow that was idle, and whose first packets after that get no answer, or a RST at once: a
/// stateful middlebox, or the other end, has forgotten it. Learns which idle periods do no harm on
/// the path to each remote host, and advises a keepalive interval.
class IdleTimeout final : public Detector {
  public:
    /// Retransmissions after the idle period for a finding that is suspected, and confirmed.
    static constexpr unsigned kSuspect = 2;
    static constexpr unsigned kProof = 4;
    /// Forgotten when nothing was retransmitted for this long. Keepalives may be 75 s apart, and
    /// more.
    static constexpr Nanoseconds kForget = std::chrono::minutes(15);

    /// `idle_periods` is kept by the caller: it has recorded each observation before it comes here.
    IdleTimeout(const IdlePeriods& idle_periods, Findings& findings)
        : idle_periods_(idle_periods), findings_(findings) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds now, FindingSink& sink) override;
    void finish(FindingSink&) override {}

  private:
    static constexpr std::size_t kMost = 16384;
    using Address = std::array<std::uint8_t, 16>;
    /// What is known of idle periods on the path to a remote host.
    struct Bounds {
        std::optional<Nanoseconds> harmless;  ///< the longest
        std::optional<Nanoseconds> fatal;     ///< the shortest
    };
    struct Wait {
        unsigned retransmissions = 0;
        Nanoseconds latest{0};
        FindingUpdates updates;
        Finding finding;
    };
    void retransmission(const Observation& observation, FindingSink& sink);
    void reset(const Observation& observation, FindingSink& sink);
    /// This observation answers the packet that ended `idle`.
    void survived(const Observation& observation, const IdlePeriods::IdlePeriod& idle,
                  FindingSink& sink);
    void report(const Observation& observation, Wait& wait, Nanoseconds idle, fst_verdict verdict,
                Evidence answer, FindingSink& sink);
    Bounds& bounds_of(const net::Endpoint& remote);

    const IdlePeriods& idle_periods_;
    Findings& findings_;
    std::map<ViewKey, Wait> waits_;
    Nanoseconds swept_{0};
    std::map<Address, Bounds> bounds_;  ///< by remote address
};

}  // namespace flowstamp::analysis
