// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "flowstamp/flow.h"

namespace flowstamp::analysis {

/// How far the opener of a connection has got, by what it has sent: the stages of Raman et al.,
/// "Global, Passive Detection of Connection Tampering" (SIGCOMM 2023).
enum class HandshakeStage : std::uint8_t {
    syn,    ///< only its SYN, retransmitted or not
    ack,    ///< it has acknowledged the other end's SYN, and sent no data
    psh,    ///< its first data: one push, in however many segments
    later,  ///< more data than that, or data and more than eight packets
};

/// By the flow's slot; resets do not count. nullopt if the opener's SYN was not seen.
[[nodiscard]] std::optional<HandshakeStage> stage_of(const fst_flow& flow);

/// "syn", "ack", "psh", "later".
[[nodiscard]] std::string_view name_of(HandshakeStage stage);

}  // namespace flowstamp::analysis
