// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <set>

#include "user/analysis/detector.h"
#include "user/analysis/finding_updates.h"
#include "user/analysis/tracking/tracking.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

/// SYNs to one listener that are answered and hardly ever become connections: a SYN flood (RFC
/// 4987). Not a scan, which tries many ports, nor a listener that refuses.
class SynFlood final : public Detector {
  public:
    static constexpr Nanoseconds kWindow = std::chrono::seconds(10);
    /// Connection attempts in a window; of them, one in kCompleted at most becomes a connection,
    /// one in kRefused at most is refused, and one in kAnswered at least is answered.
    static constexpr unsigned kEnough = 200;
    static constexpr unsigned kCompleted = 10;
    static constexpr unsigned kRefused = 10;
    static constexpr unsigned kAnswered = 10;
    static constexpr std::size_t kMost = 4096;         ///< listeners
    static constexpr std::size_t kMostClients = 4096;  ///< counted at one listener

    /// `tracking` outlives the detector, and has recorded each observation before it comes here.
    explicit SynFlood(Tracking& tracking) : tracking_(tracking) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds now, FindingSink& sink) override;
    void finish(FindingSink& sink) override;

  private:
    struct Listener {
        Sighting latest{};  ///< the latest SYN that began an attempt
        unsigned attempts = 0;
        unsigned answered = 0;
        unsigned completed = 0;
        unsigned refused = 0;
        std::set<std::array<std::uint8_t, 16>> clients{};  ///< their addresses
        FindingUpdates updates{};
        Finding finding{};

        [[nodiscard]] bool is_flooded() const {
            return attempts >= kEnough && completed * kCompleted <= attempts &&
                   refused * kRefused <= attempts && answered * kAnswered >= attempts;
        }
    };
    Listener* listener_of(const Observation& observation);
    void report(const net::Endpoint& end, Listener& listener, FindingSink& sink);
    void close_window(FindingSink& sink);

    Tracking& tracking_;
    std::map<net::Endpoint, Listener> listeners_;
    Nanoseconds window_ends_{0};
};

}  // namespace flowstamp::analysis
