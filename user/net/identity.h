// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "flowstamp/event.h"
#include "flowstamp/flow.h"

namespace flowstamp::net {

/// Identifies one interface's view of a flow, the same in every event about it. Below 2^53, so that
/// JSON readers that store numbers as doubles keep it exact.
[[nodiscard]] std::uint64_t flow_id(const fst_flow_key& key, std::uint32_t slot,
                                    std::uint32_t generation);
[[nodiscard]] std::uint64_t flow_id(const fst_event& event);

/// A hash of both initial sequence numbers, the same everywhere on the path, also across NAT;
/// nothing unless both were seen.
[[nodiscard]] std::optional<std::uint64_t> isn_id(const fst_flow& flow);
[[nodiscard]] std::uint64_t isn_id(std::uint32_t one_isn, std::uint32_t other_isn);

/// Community ID version 1 of a TCP flow, with seed 0: "1:" and base64 of a SHA-1
/// (github.com/corelight/community-id-spec).
[[nodiscard]] std::string community_id(const fst_flow_key& key);

}  // namespace flowstamp::net
