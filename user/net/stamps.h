// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "flowstamp/flow.h"
#include "user/base/clock.h"

namespace flowstamp::net {

/// A direction's stamps, oldest first.
[[nodiscard]] inline std::vector<fst_stamp> stamps_of(const fst_direction& direction) {
    std::vector<fst_stamp> stamps;
    for (unsigned i = 0; i < FST_RING_STAMPS; i++) {
        const fst_stamp& stamp = direction.ring[(direction.ring_next + i) % FST_RING_STAMPS];
        if (stamp.ttl != 0) {
            stamps.push_back(stamp);
        }
    }
    return stamps;
}

/// The stamp's time, CLOCK_MONOTONIC. A stamp holds the low 32 bits of the microseconds; the
/// direction's latest packet, whose time is stored in full, supplies the rest.
[[nodiscard]] inline Nanoseconds time_of(const fst_stamp& stamp, const fst_direction& direction) {
    const Nanoseconds last(static_cast<std::int64_t>(direction.last_ns));
    const auto last_us = static_cast<std::uint32_t>(direction.last_ns / 1000);
    return last - std::chrono::microseconds(static_cast<std::int32_t>(last_us - stamp.time_us));
}

/// Time of the flow's latest packet in either direction, nanoseconds of CLOCK_MONOTONIC.
[[nodiscard]] inline std::uint64_t last_packet_ns(const fst_flow& flow) {
    return std::max(flow.direction[0].last_ns, flow.direction[1].last_ns);
}

}  // namespace flowstamp::net
