// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>

#include "user/analysis/detector.h"
#include "user/analysis/finding_updates.h"
#include "user/analysis/tracking/recent_names.h"
#include "user/analysis/tracking/tracking.h"

namespace flowstamp::analysis {

/// A reply that left its NAT untranslated (conntrack calls it INVALID): the client gets a segment
/// from an address that it does not know, and resets that. By its ACK the segment belongs to
/// another connection of the same client and port.
class NatEscape final : public Detector {
  public:
    /// `tracking` outlives the detector, and has recorded each observation before it comes here.
    explicit NatEscape(Tracking& tracking) : tracking_(tracking) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds, FindingSink&) override {}
    void finish(FindingSink&) override {}

  private:
    static constexpr std::size_t kMost = 65536;
    void keep(const net::Endpoint& end, const ViewKey& view);
    void was_reset(const Observation& observation, FindingSink& sink);

    Tracking& tracking_;
    struct Connection {
        std::uint32_t slot;
        std::uint32_t generation;
    };
    RecentNames<Connection, kMost> flows_;  ///< the latest one of each end that opened one
    std::set<net::Endpoint> reported_;      ///< who sent the untranslated segments
};

}  // namespace flowstamp::analysis
