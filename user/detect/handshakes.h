// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <unordered_map>

#include "user/detect/rst_view.h"
#include "user/flow/observation.h"

namespace flowstamp {

/// Connections that have just begun: whether one SYN was answered both by a RST and by a SYN-ACK
/// (SYN_RST in Weaver, Sommer, Paxson, NDSS 2009).
class Handshakes {
  public:
    void saw_syn(const Observation& observation);
    void saw_syn_ack(const Observation& observation);

    /// The SYN-ACK that answered the same SYN as `rst` does; nothing if there was none, or if a
    /// guard says that both may be genuine: the SYN came again meanwhile, its sender had already
    /// acknowledged something, or it opened a subflow (MPTCP).
    [[nodiscard]] std::optional<fs_packet> other_answer(const RstView& rst) const;

  private:
    static constexpr std::size_t kRemembered = 16384;
    struct Handshake {
        fs_packet syn{};
        unsigned syns = 0;
        std::optional<fs_packet> syn_ack{};
    };
    std::unordered_map<ViewKey, Handshake, ViewKeyHash> handshakes_;
    std::deque<ViewKey> order_;
};

}  // namespace flowstamp
