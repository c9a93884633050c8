// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>

#include "user/analysis/detector.h"
#include "user/analysis/finding_updates.h"
#include "user/analysis/tracking/tracking.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

/// A flow that was idle, and whose first packets after that get no answer, or a RST at once: a
/// stateful middlebox, or the other end, has forgotten it. Learns which idle periods do no harm on
/// the path to each remote host, and advises a keepalive interval.
class IdleTimeout final : public Detector {
  public:
    /// Retransmissions after the idle period, and how long nothing was answered, for a finding that
    /// is suspected, and confirmed: less is the loss of a packet or two.
    static constexpr unsigned kSuspect = 5;
    static constexpr unsigned kProof = 7;
    static constexpr Nanoseconds kLong = std::chrono::seconds(6);
    static constexpr Nanoseconds kVeryLong = std::chrono::seconds(15);
    /// Keepalives without an answer for one that is suspected; twice as many confirm.
    static constexpr unsigned kKeepalives = 2;
    /// No box's idle time-out is usually shorter.
    static constexpr Nanoseconds kUsual = std::chrono::seconds(59);
    /// Forgotten when nothing was retransmitted for this long. Keepalives may be 75 s apart, and
    /// more.
    static constexpr Nanoseconds kForget = std::chrono::minutes(15);

    /// `tracking` outlives the detector, and has recorded each observation before it comes here.
    explicit IdleTimeout(Tracking& tracking) : tracking_(tracking) {}

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
        bool keepalives = false;  ///< the latest was one
        Nanoseconds latest{0};
        FindingUpdates updates;
        Finding finding;
    };
    void retransmission(const Observation& observation, FindingSink& sink);
    void reset(const Observation& observation, FindingSink& sink);
    void judge_reset(const Observation& observation, const IdlePeriods::IdlePeriod* idle,
                     FindingSink& sink);
    /// Whether so long an idle period on the way to `remote` has done no harm before.
    [[nodiscard]] bool was_harmless(const net::Endpoint& remote, Nanoseconds idle) const;
    /// This observation answers the packet that ended `idle`.
    void survived(const Observation& observation, const IdlePeriods::IdlePeriod& idle,
                  FindingSink& sink);
    void report(const Observation& observation, Wait& wait, Nanoseconds idle, fst_verdict verdict,
                Phrase phrase, Evidence answer, FindingSink& sink);
    Bounds& bounds_of(const net::Endpoint& remote);

    Tracking& tracking_;
    std::map<ViewKey, Wait> waits_;
    Nanoseconds swept_{0};
    std::map<Address, Bounds> bounds_;  ///< by remote address
};

}  // namespace flowstamp::analysis
