// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "user/analysis/detector.h"
#include "user/analysis/finding_updates.h"
#include "user/analysis/findings.h"
#include "user/analysis/this_host.h"
#include "user/analysis/tracking/host_memory.h"
#include "user/analysis/tracking/syn_tracker.h"

namespace flowstamp::analysis {

/// A SYN that is answered by a RST: the port is closed, or a middlebox rejects in the server's
/// name. Reported after kWait, as a SYN-ACK to the same SYN makes it a case for ForgedRst. Reported
/// once per server port and distance; not for scanners, which are refused everywhere.
class SynRefused final : public Detector {
  public:
    /// How long to wait for a SYN-ACK to the same SYN.
    static constexpr Nanoseconds kWait = std::chrono::milliseconds(500);
    /// The same refusal is reported again after this long without one.
    static constexpr Nanoseconds kQuiet = std::chrono::minutes(1);
    /// A client that is refused at more ports of one host than this within kQuiet is a scanner.
    static constexpr std::size_t kScan = 5;

    /// `hosts`, `syns` and `this_host` are kept by the caller and outlive the detector.
    SynRefused(const HostMemory& hosts, SynTracker& syns, const ThisHost& this_host,
               Findings& findings)
        : hosts_(hosts), syns_(syns), this_host_(this_host), findings_(findings) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds now, FindingSink& sink) override;
    void finish(FindingSink& sink) override;

  private:
    static constexpr std::size_t kMost = 16384;
    static constexpr std::size_t kCameInMost = 1024;
    struct Refusal {
        FindingUpdates updates;
        Nanoseconds latest{0};
    };
    struct Client {
        std::set<std::uint16_t> ports;
        Nanoseconds latest{0};
    };
    using Address = std::array<std::uint8_t, 16>;

    bool is_scanner(const fst_packet& rst, Nanoseconds now);
    void consume(const Observation& observation, FindingSink& sink);
    void report(const Observation& observation, Refusal& refusal, FindingSink& sink);
    [[nodiscard]] bool came_in(const Observation& observation) const;
    [[nodiscard]] std::optional<Finding> refused_here(const Observation& observation) const;
    [[nodiscard]] Finding refused_there(const Observation& observation) const;

    const HostMemory& hosts_;
    SynTracker& syns_;
    const ThisHost& this_host_;
    Findings& findings_;
    std::map<std::pair<net::Endpoint, std::uint8_t>, Refusal> refusals_;  ///< by server and hops
    std::map<std::pair<Address, Address>, Client> clients_;               ///< by client and server
    std::deque<Observation> waiting_;                                     ///< the oldest first
    std::deque<std::uint64_t> came_in_;  ///< the latest resets that came in: their packets' numbers
    Nanoseconds swept_{0};
};

}  // namespace flowstamp::analysis
