// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What a flow amounts to, both directions together.
#pragma once

#include <algorithm>
#include <cstdint>

#include "flowstamp/flow.h"

namespace flowstamp::net {

[[nodiscard]] inline std::uint64_t packets_of(const fst_flow& flow) {
    return std::uint64_t{flow.direction[0].packets} + flow.direction[1].packets;
}

/// IP length of those packets.
[[nodiscard]] inline std::uint64_t bytes_of(const fst_flow& flow) {
    return flow.direction[0].bytes + flow.direction[1].bytes;
}

/// The least round trip from end to end, microseconds: from here to one end and to the other. 0:
/// none was measured.
[[nodiscard]] inline std::uint64_t rtt_us_of(const fst_flow& flow) {
    return std::uint64_t{flow.direction[0].min_rtt_us} + flow.direction[1].min_rtt_us;
}

/// Whether a RST of this end was accepted, is under observation, or was judged forged.
[[nodiscard]] inline bool has_reset(std::uint32_t state, unsigned end) {
    constexpr std::uint32_t kAny = FST_FLOW_RST | FST_FLOW_AFTER_RST | FST_FLOW_FORGED;
    return (state & FST_OF(kAny, end)) != 0;
}

/// RSTs among the latest stamps of the ends that have sent any, at least one of each: more than that
/// is not remembered.
[[nodiscard]] inline unsigned resets_of(const fst_flow& flow) {
    unsigned all = 0;
    for (const unsigned end : {0U, 1U}) {
        if (!has_reset(flow.state, end)) {
            continue;
        }
        const auto stamped =
            std::ranges::count_if(flow.direction[end].ring, [](const fst_stamp& stamp) {
                return stamp.ttl != 0 && (stamp.tcp_flags & FST_TCP_RST) != 0;
            });
        all += std::max(static_cast<unsigned>(stamped), 1U);
    }
    return all;
}

}  // namespace flowstamp::net
