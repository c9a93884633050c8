// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "user/base/clock.h"
#include "user/net/endpoint.h"
#include "user/netfilter/drop_attribution.h"
#include "user/pathtrace/drop_reason_words.h"
#include "user/pathtrace/path_flow.h"
#include "user/pathtrace/station_plan.h"

namespace flowstamp::pathtrace {

/// A part of a packet's path: an interface, or a netfilter hook.
struct PathStep {
    std::string at{};                    ///< "eth2 in", "prerouting"
    std::vector<std::string> passed{};   ///< in it: "raw", "connection tracking"
    std::vector<std::string> changed{};  ///< in it or just before: "to 10.0.0.2:8080", "ttl 63"
    Nanoseconds since_start{0};          ///< when its last station was passed
};

/// Report on packets with the same end.
struct PathReport {
    struct Drop {
        std::string at{};      ///< "forward", "eth0 in"; empty: before the first station
        std::string reason{};  ///< by the kernel's name
        std::string location{};
        DropReasonWords words{};
        bool is_hosts_decision = false;  ///< a rule, a route, a limit here
        std::optional<netfilter::DropAttribution> attribution{};
    };
    std::uint64_t flow = 0;
    bool again = false;
    bool is_reply = false;                       ///< against the direction of the first packet
    fst_path_tuple name{};                       ///< of these packets, as they arrived at this host
    std::optional<fst_path_tuple> translated{};  ///< as they leave it, if different
    PacketPath::End end = PacketPath::End::unknown;
    std::uint64_t packets = 0;  ///< so far
    std::vector<PathStep> steps{};
    std::optional<Drop> drop{};
    fst_path_event latest{};  ///< the latest packet's last record
    Nanoseconds wall{0};      ///< time of the latest, since 1970
};

/// Builds the report on the packets of one end.
[[nodiscard]] PathReport report_of(const PathFlows::Filed& filed, const PacketPath& path,
                                   const StationMap& map,
                                   std::optional<netfilter::DropAttribution> attribution);

/// The source endpoint of a tuple; below, the destination.
[[nodiscard]] net::Endpoint source_of(const fst_path_tuple& tuple);
[[nodiscard]] net::Endpoint destination_of(const fst_path_tuple& tuple);

/// "TCP", "UDP", "ICMP"; a number for others.
[[nodiscard]] std::string protocol_name(std::uint8_t protocol);

/// "left", "delivered", "dropped", "unknown".
[[nodiscard]] std::string_view name_of(PacketPath::End end);

}  // namespace flowstamp::pathtrace
