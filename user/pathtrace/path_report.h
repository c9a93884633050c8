// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "user/base/clock.h"
#include "user/net/endpoint.h"
#include "user/netfilter/drop_attribution.h"
#include "user/pathtrace/delivery.h"
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

/// A counter of the kernel's that shows a cause.
struct CounterIncrease {
    std::string name{};      ///< "connection tracking's insert_failed"
    std::uint64_t by = 0;    ///< since the run began
    std::string shown_by{};  ///< the command that prints it: "conntrack -S"

    friend bool operator==(const CounterIncrease&, const CounterIncrease&) = default;
};

/// The ports of a bridge that a packet came in by and was forwarded to. Empty: none, or not decided.
struct BridgePorts {
    std::string in{};
    std::string out{};
};

/// Report on packets with the same end.
struct PathReport {
    struct Drop {
        std::string at{};  ///< "forward", "eth0 in"; empty: before the first station
        /// Or further on: the ruleset changed, and no station stood there yet.
        bool or_further_on = false;
        std::string reason{};  ///< the kernel's name for it
        std::string location{};
        DropReasonWords words{};
        bool is_hosts_decision = false;  ///< a rule, a route or a limit of this host
        std::optional<netfilter::DropAttribution> attribution{};
        std::optional<CounterIncrease> counter{};
    };
    std::uint64_t flow = 0;
    bool again = false;
    bool is_reply = false;                       ///< against the direction of the first packet
    fst_path_tuple name{};                       ///< of these packets, as they arrived at this host
    std::optional<fst_path_tuple> translated{};  ///< as they leave it, if different
    /// They left as they came, although their connection is translated: why.
    std::optional<std::string> untranslated{};
    PacketPath::End end = PacketPath::End::unknown;
    bool is_made_here = false;  ///< they left, and never came in: this host made them
    std::string toward{};  ///< lost sight of on the way to this interface, which is not watched
    std::uint64_t packets = 0;  ///< so far
    std::vector<PathStep> steps{};
    std::optional<Drop> drop{};
    std::optional<Delivery> delivery{};  ///< of delivered packets, if anything is known of it
    std::string
        netns{};  ///< the network namespace they ended in, as the user named it; empty: the run's
    std::string netns_command{};  ///< how to run a command there: "nsenter --net=/run/netns/web"
    std::optional<BridgePorts> bridge{};  ///< IP's hooks were passed from within a bridge
    fst_path_event latest{};              ///< the latest packet's last record
    Nanoseconds wall{0};                  ///< of the latest, since 1970

    /// Whether the packets left this host or were delivered on it.
    [[nodiscard]] bool has_arrived() const {
        return end == PacketPath::End::left || end == PacketPath::End::delivered;
    }
};

/// Sums of a run.
struct PathStats {
    Nanoseconds wall{0};  ///< since 1970
    Nanoseconds uptime{0};
    std::uint64_t packets = 0;  ///< followed
    std::uint64_t flows = 0;
    std::uint64_t forwarded = 0;  ///< came in and left
    std::uint64_t sent = 0;       ///< created on this host, and left it
    std::uint64_t delivered = 0;
    std::uint64_t dropped = 0;
    std::uint64_t answered = 0;  ///< of those dropped: refused with a reset or an ICMP error
    std::uint64_t unknown = 0;   ///< end not seen: no drop was reported
    std::uint64_t events_lost = 0;
    std::uint64_t not_followed = 0;  ///< too many packets at once
    /// At the end: what was dropped, by place and cause.
    struct Loss {
        std::string at{};      ///< "forward"; empty: before the first station
        std::string before{};  ///< what they did not pass: "mangle"; empty: the whole part
        std::string by{};      ///< cause, in a few words; empty: not known
        std::uint64_t packets = 0;
    };
    std::vector<Loss> losses{};

    [[nodiscard]] std::uint64_t left() const { return forwarded + sent; }
};

/// The sysctl or command that shows more than the rule that is named, or, where none is, more of the
/// cause; empty: none.
[[nodiscard]] std::string look_at(const PathReport::Drop& drop);

/// What a tracer reports: paths as they end, and the sums when the run ends.
using PathEvent = std::variant<PathReport, PathStats>;

/// The running kernel's names for the numbers in a drop's record.
struct DropNames {
    std::string reason{};     ///< "NETFILTER_DROP"
    std::string location{};   ///< the function and offset: "nf_hook_slow+0xa1"; empty: not known
    std::string interface{};  ///< through which it was to leave; empty: none, or not known
};

/// Builds a report. `names`: of the drop, if the packet was dropped.
[[nodiscard]] PathReport report_of(const PathFlows::Filed& filed, const PacketPath& packet_path,
                                   const StationMap& map,
                                   std::optional<netfilter::DropAttribution> attribution,
                                   const DropNames& names);

/// They may have been dropped further on than their last station shows: if a rule may have dropped them, it says
/// where. `netns`: as the user named it.
void place_further_on(PathReport::Drop& drop, const std::string& netns);

/// "forward", "prerouting or further on"; empty: before the first station.
[[nodiscard]] std::string place_text(const PathReport::Drop& drop);

/// The source endpoint of a tuple; below, the destination.
[[nodiscard]] net::Endpoint source_of(const fst_path_tuple& tuple);
[[nodiscard]] net::Endpoint destination_of(const fst_path_tuple& tuple);

/// "left", "delivered", "dropped", "unknown".
[[nodiscard]] std::string_view name_of(PacketPath::End end);

}  // namespace flowstamp::pathtrace
