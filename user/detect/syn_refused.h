// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "user/detect/detector.h"
#include "user/detect/findings.h"
#include "user/detect/host_memory.h"
#include "user/detect/story.h"

namespace flowstamp {

/// A SYN that is answered by a RST: nobody listens there, or a box on the way refuses in the
/// server's name. Told once for a server's port and a distance; not for scanners, who are refused
/// everywhere.
class SynRefused final : public Detector {
  public:
    /// The same refusal is told again after so long without one.
    static constexpr Nanoseconds kQuiet = std::chrono::minutes(1);
    /// A client that is refused at more ports of one host than this within kQuiet is looking for
    /// open ones.
    static constexpr std::size_t kScan = 5;

    /// `hosts` is kept by the caller and outlives the detector.
    SynRefused(const HostMemory& hosts, Findings& findings) : hosts_(hosts), findings_(findings) {}

    void observe(const Observation& observation, FindingSink& sink) override;
    void advance(Nanoseconds now, FindingSink& sink) override;
    void finish(FindingSink&) override {}

  private:
    static constexpr std::size_t kMost = 16384;
    struct Refusal {
        FindingStory story;
        Nanoseconds latest{0};
    };
    struct Client {
        std::set<std::uint16_t> ports;
        Nanoseconds latest{0};
    };
    using Address = std::array<std::uint8_t, 16>;

    bool is_scanner(const fs_packet& rst, Nanoseconds now);
    void tell(const Observation& observation, Refusal& refusal, FindingSink& sink);

    const HostMemory& hosts_;
    Findings& findings_;
    std::map<std::pair<Endpoint, std::uint8_t>, Refusal> refusals_;  ///< by server and hops
    std::map<std::pair<Address, Address>, Client> clients_;          ///< by client and server
    Nanoseconds swept_{0};
};

}  // namespace flowstamp
