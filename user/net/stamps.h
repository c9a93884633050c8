// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "flowstamp/flow.h"
#include "user/base/clock.h"

namespace flowstamp::net {

/// A direction's stamps, the oldest first.
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

/// When the stamp was made, CLOCK_MONOTONIC. A stamp holds the low 32 bits of the microseconds; the
/// direction's latest packet, whose time is held in full, gives the rest.
[[nodiscard]] inline Nanoseconds time_of(const fst_stamp& stamp, const fst_direction& direction) {
    const Nanoseconds last(static_cast<std::int64_t>(direction.last_ns));
    const auto last_us = static_cast<std::uint32_t>(direction.last_ns / 1000);
    return last - std::chrono::microseconds(static_cast<std::int32_t>(last_us - stamp.time_us));
}

}  // namespace flowstamp::net
