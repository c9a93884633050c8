// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "flowstamp/counter.h"
#include "flowstamp/event.h"
#include "user/analysis/datapath.h"
#include "user/base/clock.h"
#include "user/base/result.h"

namespace flowstamp::cmd {

/// Seed of the flow table's hash in a replay: the same for both data paths, so that both report the
/// same.
inline constexpr std::array<std::uint64_t, 2> kReplaySeed = {0x9e3779b97f4a7c15,
                                                             0xc2b2ae3d27d4eb4f};

/// Receives a frame's events.
class EventSink {
  public:
    virtual ~EventSink() = default;
    /// `flow` is the slot that the event carries, else null. Both are valid only during the call.
    virtual void event(const fst_event& event, const fst_flow* flow) = 0;
};

/// The data path as a replay uses it, wherever it runs: one flow table, observing only.
class ReplayPath : public analysis::Datapath {
  public:
    struct Frame {
        std::span<std::uint8_t> bytes;  ///< Ethernet; 14 to FST_SNAP_BYTES bytes
        std::uint32_t ifindex;
        Nanoseconds time;  ///< its own: it may be before that of the previous frame
    };

    /// As Datapath::scan(), but `count` counts only slots with a flow: most captures have few flows
    /// for the size of the table.
    std::uint32_t scan(std::uint32_t first, std::uint32_t count, const Visit& visit) override = 0;

    /// Processes the frame, and passes its events to `sink` before it returns.
    [[nodiscard]] virtual Status packet(const Frame& frame, EventSink& sink) = 0;
};

/// The data path compiled for the host: no privileges, no kernel. Fails if memory is short.
[[nodiscard]] Result<std::unique_ptr<ReplayPath>> make_host_path(std::uint32_t max_flows);

}  // namespace flowstamp::cmd
