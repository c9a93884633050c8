// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "user/analysis/observation.h"
#include "user/analysis/tracking/recent_names.h"
#include "user/net/endpoint.h"

namespace flowstamp::analysis {

/// What a host's packets look like across its flows: a baseline for flows whose own is too short.
/// Kept per interface, address and port, as a load balancer may hide several hosts behind one
/// address. Bounded: what was not used for long is forgotten first.
class HostMemory {
  public:
    static constexpr std::size_t kMost = 65536;
    /// One flow alone may be forged; what two flows show is the host's.
    static constexpr unsigned kFlowsEnough = 2;

    /// An interface that the host is seen at, and one of its ports.
    struct Place {
        std::uint32_t ifindex = 0;
        net::Endpoint end{};
        friend auto operator<=>(const Place&, const Place&) = default;
    };

    struct Host {
        struct Distance {
            std::uint8_t ttl = 0;    ///< 0: free
            std::uint8_t flows = 0;  ///< ended ones with data from there; 255: as many or more
        };
        std::array<Distance, 8> distances{};
        bool many = false;            ///< more TTLs than these: distance shows nothing
        std::uint8_t id_flows = 0;    ///< that showed how it counts its IP-IDs; 255: or more
        std::uint8_t id_classes = 0;  ///< bit by enum fst_id_class
        bool clears_df = false;       ///< on some packet

        /// The fewest hops of its packets; nullopt if its TTLs are unknown or show none.
        [[nodiscard]] std::optional<std::uint8_t> nearest_hops() const;
        /// Whether data of several of its flows came from that distance, give or take a hop.
        [[nodiscard]] bool sends_from(std::uint8_t hops) const;
        /// Whether its packets are known, and none had this TTL or came from its distance, give or
        /// take a hop.
        [[nodiscard]] bool is_foreign_ttl(std::uint8_t ttl) const;
        /// By initial TTL, don't-fragment and per-flow IP-IDs: such a host puts timestamps on every
        /// RST+ACK where they were negotiated.
        [[nodiscard]] bool is_linux_like() const;
    };

    /// Learns from a SYN-ACK, and from both ends of any flow that comes with the observation.
    void learn(const Observation& observation);
    /// Learns from an open flow, once, when both of its ends have a baseline. `slot`: its index in
    /// the flow table.
    void inspect(std::uint32_t slot, const fst_flow& flow);
    /// Learns from both ends of a flow that has ended.
    void learn_ended(const fst_flow& flow);

    /// Null if nothing is known.
    [[nodiscard]] const Host* of(const Place& place) const;
    [[nodiscard]] const Host* sender_of(const fst_packet& packet) const {
        return of({packet.key.ifindex, net::sender_of(packet)});
    }

    /// The fewest hops to the packet's sender by its other ports, of which any may be another host
    /// behind the address; nullopt if none is known.
    [[nodiscard]] std::optional<std::uint8_t> nearest_by_other_ports(
        const fst_packet& packet) const;

  private:
    /// Of an address, whatever its ports.
    struct Address {
        std::uint8_t hops_plus_one = 0;  ///< the fewest, of all its ports; 0: none is known
    };
    static std::uint32_t name_of(const Place& place);
    static void add_ttl(Host& host, std::uint8_t ttl, bool counts);
    void note_distance(const Place& place, const Host& host);
    void learn_end(const fst_flow& flow, unsigned end, bool has_ended);

    RecentNames<Host, kMost> hosts_;         ///< by name_of()
    RecentNames<Address, kMost> addresses_;  ///< by name_of(), their ports 0
    std::vector<std::uint32_t> inspected_;   ///< by slot: the generation that was learned from
};

}  // namespace flowstamp::analysis
