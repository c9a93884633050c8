// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <unordered_map>
#include <vector>

#include "user/analysis/compare/clock_fit.h"
#include "user/analysis/compare/join.h"
#include "user/analysis/compare/pairs.h"
#include "user/analysis/compare/recording.h"
#include "user/analysis/compare/way.h"
#include "user/net/endpoint.h"
#include "user/net/endpoint_hash.h"

namespace flowstamp::analysis::compare {

/// The connections that both captures show, which packets of them are the same, and at whose side their ends are.
class Matched {
  public:
    /// Both captures outlive it.
    Matched(const Recording& a, const Recording& b);

    [[nodiscard]] std::size_t size() const { return join_.connections.size(); }
    [[nodiscard]] const Join& join() const { return join_; }
    [[nodiscard]] const Joined& joined(std::size_t connection) const {
        return join_.connections[connection];
    }
    [[nodiscard]] const Recording& capture(unsigned capture) const { return *captures_[capture]; }

    /// Of a direction of A's first view: its packets in a view of A (0) or B (1).
    [[nodiscard]] Packets packets(const Joined& joined, unsigned capture, std::size_t view,
                                  unsigned direction) const;

    /// Nothing if too little passed in both directions.
    [[nodiscard]] std::optional<ClockFit> fit_clocks() const;

    /// Nothing if it is not known where the connection's ends are.
    [[nodiscard]] std::optional<Way> way(std::size_t connection, unsigned direction) const;

  private:
    struct Connection {
        std::array<std::vector<Pair>, 2> pairs{};  ///< by direction
        std::optional<bool> goes_to_b{};           ///< direction 0
    };
    struct EndpointHash {
        std::size_t operator()(const net::Endpoint& end) const noexcept {
            return net::hash_of(end);
        }
    };

    void pair_packets();
    void orient_the_rest();
    [[nodiscard]] net::Endpoint end_at_a(const Joined& joined, unsigned end) const;

    std::array<const Recording*, 2> captures_;
    Join join_;
    std::vector<Connection> connections_;
    std::unordered_map<net::Endpoint, bool, EndpointHash> is_at_a_;  ///< hosts; ports are 0
};

}  // namespace flowstamp::analysis::compare
