// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "user/analysis/detector.h"
#include "user/analysis/finding_updates.h"
#include "user/analysis/findings.h"

namespace flowstamp::analysis {

/// A packet that this host itself dropped, as its kernel reports.
struct HostDrop {
    Sighting sighting{};
    std::string translated{};  ///< "192.0.2.1:40000 > 10.0.0.2:22": as translated there, or empty
    std::string at{};          ///< "forward", "eth0 in"; empty: before the first place watched
    std::string reason{};      ///< as the kernel names it: "NETFILTER_DROP"
    std::string words{};       ///< the reason as a clause
    std::string look_at{};   ///< the sysctl or command that shows more than the rule; may be empty
    std::string rule{};      ///< that dropped it; empty: none, or unknown
    std::string why{};       ///< what makes the rule certain, or speaks against it
    bool is_certain = true;  ///< of the rule, or else the place
    bool is_answered = false;  ///< by a reset or an ICMP error that this host makes
    bool is_own = false;       ///< the packet was made on this host
};

/// What this host's rules, routes and limits drop: reported once per place and cause.
class LocalDrop {
  public:
    explicit LocalDrop(Findings& findings) : findings_(findings) {}

    struct Told {
        std::uint64_t finding = 0;  ///< its id
        bool is_known = false;      ///< of an earlier drop of the same place and cause
    };
    Told consume(const HostDrop& drop, FindingSink& sink);

  private:
    static constexpr std::size_t kMost = 4096;
    using Cause = std::tuple<std::string, std::string, std::string>;  ///< place, reason, rule

    Findings& findings_;
    std::map<Cause, FindingUpdates> reported_;
};

}  // namespace flowstamp::analysis
