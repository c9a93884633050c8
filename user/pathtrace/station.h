// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The places in the kernel's network stack at which packets are observed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace flowstamp::pathtrace {

/// Where a program is to be attached: at one of an interface's tc hooks, or at a priority of a
/// netfilter hook, in a network namespace.
struct Station {
    enum class Kind : std::uint8_t { tc_ingress, netfilter, tc_egress };
    Kind kind = Kind::netfilter;
    std::uint8_t pf = 0;        ///< netfilter: NFPROTO_IPV4 (2) or NFPROTO_IPV6 (10)
    std::uint8_t hook = 0;      ///< netfilter: NF_INET_PRE_ROUTING (0) to NF_INET_POST_ROUTING (4)
    std::int32_t priority = 0;  ///< netfilter: not INT_MIN, not INT_MAX
    /// netfilter: a BPF program shares its priority with nothing. If `priority` is taken, the next
    /// free one in the direction of this one, which it may be, serves as well. Nothing: no other.
    std::optional<std::int32_t> up_to{};
    std::string interface{};  ///< tc
    /// The network namespace, as the user named it; empty: the one that the run is in.
    std::string netns{};

    /// "IPv4 prerouting, priority -201", "eth0, tc egress", "web/eth0, tc egress".
    [[nodiscard]] std::string text() const;
    /// Whether both are in one hook, and a station with this priority could be there instead.
    [[nodiscard]] bool has_room_for(const Station& other, std::int32_t its_priority) const;

    friend bool operator==(const Station&, const Station&) = default;
};

/// A requested station, after attaching. Its index in PathProbe::stations() is
/// fst_path_event.station.
struct StationState {
    Station station;                    ///< with its actual priority
    bool attached = false;              ///< else a notice says why not
    std::int32_t wanted = 0;            ///< the priority that its program knows: for the order
    std::vector<std::int32_t> taken{};  ///< priorities that were not free, nearest first
};

/// "web/eth0": the name of what is in another network namespace. Empty if `name` is.
[[nodiscard]] std::string within_netns(const std::string& netns, const std::string& name);

}  // namespace flowstamp::pathtrace
