// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "user/analysis/finding.h"
#include "user/base/clock.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

/// Several findings of one cause. Reported when their number has doubled since the last report, at
/// the most once a second, and when it has ended: under the same id.
struct Incident {
    std::uint64_t id = 0;
    FindingKind kind = FindingKind::forged_rst;
    bool has_ended = false;     ///< nothing new for Incidents::kQuiet
    std::uint64_t finding = 0;  ///< id of its first finding, which says it all
    std::uint64_t count = 0;    ///< findings; of local-drop: connections
    std::uint64_t clients = 0;  ///< addresses that opened them; Incidents::kClientsKept at the most
    net::Endpoint client{};     ///< the first of these, port 0
    std::optional<net::Endpoint> server{};     ///< nullopt: several
    std::optional<std::uint64_t> middlebox{};  ///< id of the box that it is by
    std::optional<net::Endpoint> router{};     ///< that rejects them by ICMP; port 0
    std::string place{};                       ///< of local-drop, as in HostDrop; may be empty
    std::string rule{};                        ///< of local-drop; empty: none, or unknown
    std::string interface{};                   ///< of the first
    Nanoseconds wall{0};                       ///< of the report, since 1970
    Nanoseconds first{0};                      ///< packet, since 1970
    Nanoseconds last{0};
};

}  // namespace flowstamp::analysis
