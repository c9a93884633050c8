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

/// A flow that rested, and whose first words then are never answered, or by a RST at once: a
/// stateful box on the way, or the other end, has forgotten it. Learns what rest each remote host
/// bears, and advises a keepalive.
class IdleTimeout final : public Detector {
  public:
    /// Retransmissions after the rest that make suspect, and that are proof.
    static constexpr unsigned kSuspect = 2;
    static constexpr unsigned kProof = 4;
    /// A RST that comes within this of the first words answers them.
    static constexpr Nanoseconds kAnswer = std::chrono::seconds(3);
    /// What nobody spoke of for so long is over. Keepalives may be 75 s apart, and more.
    static constexpr Nanoseconds kForget = std::chrono::minutes(15);

    /// `rests` is kept by the caller: it has filed each observation before it comes here.
    IdleTimeout(const IdlePeriods& idle_periods, Findings& findings)
        : idle_periods_(idle_periods), findings_(findings) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds now, FindingSink& sink) override;
    void finish(FindingSink&) override {}

    /// What was said after `rest` is answered, by this observation.
    void survived(const Observation& observation, const IdlePeriods::IdlePeriod& idle,
                  FindingSink& sink);

  private:
    static constexpr std::size_t kMost = 16384;
    using Address = std::array<std::uint8_t, 16>;
    /// What is known of the rests on the way to a remote host.
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
    void report(const Observation& observation, Wait& wait, Nanoseconds idle, fst_verdict verdict,
                Evidence answer, FindingSink& sink);
    Bounds& bounds_of(const net::Endpoint& remote);

    const IdlePeriods& idle_periods_;
    Findings& findings_;
    std::map<ViewKey, Wait> waits_;
    Nanoseconds swept_{0};
    std::map<Address, Bounds> bounds_;  ///< by the address that was spoken to
};

}  // namespace flowstamp::analysis
