// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>

#include "user/net/endpoint.h"

namespace flowstamp::analysis {

/// The latest resets that this host's kernel reports to have dropped (`watch --path`).
class DroppedResets {
  public:
    void record(const fst_packet& packet) {
        if (!(packet.tcp_flags & FST_TCP_RST)) {
            return;
        }
        if (latest_.size() >= kMost) {
            latest_.pop_front();
        }
        latest_.push_back(packet);
    }
    [[nodiscard]] bool contains(const fst_packet& rst) const {
        return std::ranges::any_of(latest_, [&](const fst_packet& dropped) {
            return dropped.seq == rst.seq && net::sender_of(dropped) == net::sender_of(rst) &&
                   net::receiver_of(dropped) == net::receiver_of(rst);
        });
    }

  private:
    static constexpr std::size_t kMost = 1024;
    std::deque<fst_packet> latest_{};
};

}  // namespace flowstamp::analysis
