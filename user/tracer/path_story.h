// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "user/base/clock.h"
#include "user/flow/endpoint.h"
#include "user/path/culprit.h"
#include "user/path/drop_reason_words.h"
#include "user/path/path_flow.h"
#include "user/tracer/station_plan.h"

namespace flowstamp {

/// A part of a packet's way: an interface, or one of netfilter's hooks.
struct PathStep {
    std::string at{};                    ///< "eth2 in", "prerouting"
    std::vector<std::string> passed{};   ///< there: "raw", "connection tracking"
    std::vector<std::string> changed{};  ///< there or just before: "to 10.0.0.2:8080", "ttl 63"
    Nanoseconds since_start{0};          ///< when its last station was passed
};

/// What is told of packets that come to one end.
struct PathStory {
    struct Drop {
        std::string at{};      ///< "forward", "eth0 in"; empty: before the first station
        std::string reason{};  ///< as the kernel names it
        std::string location{};
        DropReasonWords words{};
        bool is_hosts_decision = false;  ///< a rule, a route, a limit here: not TCP's ordinary work
        std::optional<Culprit> culprit{};
    };
    std::uint64_t flow = 0;
    bool again = false;
    bool is_reply = false;                      ///< they go against the connection's beginning
    fs_path_tuple name{};                       ///< of these packets, as they came to this host
    std::optional<fs_path_tuple> translated{};  ///< as they leave it, if different
    Journey::End end = Journey::End::unknown;
    std::uint64_t packets = 0;  ///< so far
    std::vector<PathStep> steps{};
    std::optional<Drop> drop{};
    fs_path_event latest{};  ///< the latest packet's last record
    Nanoseconds wall{0};     ///< of the latest, since 1970
};

/// Puts together what is known.
[[nodiscard]] PathStory story_of(const PathFlows::Filed& filed, const Journey& journey,
                                 const StationMap& map, std::optional<Culprit> culprit);

/// The source's, or the destination's end of a tuple.
[[nodiscard]] Endpoint source_of(const fs_path_tuple& tuple);
[[nodiscard]] Endpoint destination_of(const fs_path_tuple& tuple);

/// "TCP", "UDP", "ICMP"; a number for others.
[[nodiscard]] std::string protocol_name(std::uint8_t protocol);

/// "left", "delivered", "dropped", "unknown".
[[nodiscard]] std::string_view name_of(Journey::End end);

}  // namespace flowstamp
