// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "flowstamp/event.h"
#include "user/analysis/other_bytes.h"
#include "user/base/clock.h"

namespace flowstamp::analysis {

/// One record of the data path, with what user space knows about where and when it was made.
struct Observation {
    fst_event event{};
    std::optional<fst_flow> slot{};        ///< with kinds that carry it, see fst_event_has_flow()
    std::string interface{};               ///< the name behind event.packet.key.ifindex
    Nanoseconds wall{0};                   ///< event.packet.time_ns as nanoseconds since 1970
    std::optional<std::uint64_t> frame{};  ///< of a capture: the frame's number, from 1

    std::optional<OtherBytes> other_bytes{};  ///< of a capture: what the segment contradicts

    // Set by the Aggregator.
    std::optional<std::uint64_t> isn_id{};  ///< of the flow, once both its SYNs were seen
    /// Of a RST: the packet's number, from 1. If several interfaces, or both directions of the
    /// loopback, show one packet, their observations have the same number.
    std::uint64_t packet_id = 0;

    /// CLOCK_MONOTONIC, or the capture's clock.
    [[nodiscard]] Nanoseconds time() const {
        return Nanoseconds(static_cast<Nanoseconds::rep>(event.packet.time_ns));
    }
    [[nodiscard]] fst_event_kind kind() const {
        return static_cast<fst_event_kind>(event.header.kind);
    }
};

/// Identifies a flow as one interface sees it: its slot in the flow table, and the generation of
/// that slot.
struct ViewKey {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    std::uint32_t ifindex = 0;

    friend bool operator==(const ViewKey&, const ViewKey&) = default;
    friend auto operator<=>(const ViewKey&, const ViewKey&) = default;
};

[[nodiscard]] inline ViewKey view_of(const fst_event& event) {
    return {event.slot, event.generation, event.packet.key.ifindex};
}

struct ViewKeyHash {
    std::size_t operator()(const ViewKey& key) const noexcept {
        std::uint64_t mixed = (std::uint64_t{key.generation} << 32 | key.slot) ^
                              std::uint64_t{key.ifindex} * 0x9e3779b97f4a7c15U;
        mixed *= 0xff51afd7ed558ccdU;
        return static_cast<std::size_t>(mixed ^ mixed >> 32);
    }
};

}  // namespace flowstamp::analysis
