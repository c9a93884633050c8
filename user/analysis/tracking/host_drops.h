// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "user/net/endpoint.h"

namespace flowstamp::analysis {

/// The latest packets that this host's kernel reports to have dropped (`watch --path`), and the
/// findings that told of them. Of what is no reset only the latest of each connection.
class HostDrops {
  public:
    void record(const fst_packet& packet, std::uint64_t finding) {
        if (!is_reset(packet)) {
            std::erase_if(latest_, [&](const Drop& its) {
                return !is_reset(its.packet) && is_same_connection(its.packet, packet);
            });
        }
        if (latest_.size() >= kMost) {
            latest_.pop_front();
        }
        latest_.push_back({packet, finding});
    }
    /// Whether this reset was dropped.
    [[nodiscard]] bool contains(const fst_packet& rst) const {
        return std::ranges::any_of(latest_, [&](const Drop& its) {
            return is_reset(its.packet) && its.packet.seq == rst.seq &&
                   net::sender_of(its.packet) == net::sender_of(rst) &&
                   net::receiver_of(its.packet) == net::receiver_of(rst);
        });
    }
    /// The finding that told of a dropped packet of this packet's connection, of either end, by the
    /// addresses that both have here; nullopt: none did.
    [[nodiscard]] std::optional<std::uint64_t> finding_of(const fst_packet& packet) const {
        const auto drop = std::ranges::find_if(
            latest_, [&](const Drop& its) { return is_same_connection(its.packet, packet); });
        return drop == latest_.end() ? std::nullopt : std::optional(drop->finding);
    }

  private:
    static constexpr std::size_t kMost = 1024;
    struct Drop {
        fst_packet packet;
        std::uint64_t finding;
    };
    static bool is_reset(const fst_packet& packet) { return packet.tcp_flags & FST_TCP_RST; }
    static bool is_same_connection(const fst_packet& one, const fst_packet& other) {
        return net::end_of(one.key, 0) == net::end_of(other.key, 0) &&
               net::end_of(one.key, 1) == net::end_of(other.key, 1);
    }
    std::deque<Drop> latest_{};
};

}  // namespace flowstamp::analysis
