// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "user/pathtrace/delivery.h"
#include "user/pathtrace/live/budget.h"
#include "user/pathtrace/live/losses.h"
#include "user/pathtrace/live/socket_holders.h"
#include "user/pathtrace/packet_path.h"

namespace flowstamp::pathtrace {

/// Looks behind delivered packets: once some time has passed without an answer, and at the end. In the
/// calling thread's network namespace; ListenOverflows is read when this is made.
class Deliveries {
  public:
    /// An answer may wait for its next hop, and is only then known of.
    static constexpr Nanoseconds kWait =
        PathAssembler::kMaxWaitForNeighbours + std::chrono::milliseconds(500);

    Deliveries();

    /// The first packet with this end was delivered.
    void saw(const FlowEnd& whose, Nanoseconds now) { waiting_.emplace_back(now + kWait, whose); }
    /// Those that have waited long enough, once each; at most a hundred in a second, others are left out.
    [[nodiscard]] std::set<FlowEnd> take_due(Nanoseconds now);

    /// What is to be said of packets like this one; nothing if nothing speaks. Asks the kernel for the
    /// socket and the route, and who holds it.
    [[nodiscard]] std::optional<Delivery> look_behind(const PacketPath& path, bool is_answered,
                                                      Nanoseconds now);
    /// Whether that differs from what was said of them last; remembers it.
    [[nodiscard]] bool is_news(const FlowEnd& whose, const Delivery& delivery);

  private:
    [[nodiscard]] DeliveryFacts facts_of(const PacketPath& path, bool is_answered);

    Budget budget_{100};
    std::uint64_t overflows_before_;
    std::deque<std::pair<Nanoseconds, FlowEnd>> waiting_;
    std::map<FlowEnd, Delivery> told_;
    SocketHolders holders_;
};

}  // namespace flowstamp::pathtrace
