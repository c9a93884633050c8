// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "flowstamp/flow.h"
#include "user/analysis/tracking/handshake_stage.h"
#include "user/analysis/tracking/tampering_signature.h"
#include "user/base/clock.h"

namespace flowstamp::analysis {

/// Why a flow's record is reported.
enum class FlowEnd {
    closed,    ///< both ends sent FIN
    reset,     ///< a RST was accepted
    idle,      ///< no packet for a long time
    evicted,   ///< it lost its slot while live: the table is too small
    replaced,  ///< another connection uses its ports
    open,      ///< the session ended first
};

/// A flow at its end, by the last state of its slot.
struct FlowRecord {
    fst_flow slot{};
    std::uint32_t slot_index = 0;
    std::string interface{};
    FlowEnd end = FlowEnd::open;
    Nanoseconds wall{0};                 ///< of the record, since 1970
    std::optional<Nanoseconds> start{};  ///< of its SYN, since 1970, when that was seen
    Nanoseconds last{0};                 ///< of its last packet, since 1970
    /// Its opener's stage when it ended or its first reset came; nullopt if joined midway.
    std::optional<HandshakeStage> stage{};
    std::optional<SignatureMatch> signature{};  ///< of its end, if it looks like tampering
};

[[nodiscard]] std::string_view name_of(FlowEnd end);

}  // namespace flowstamp::analysis
