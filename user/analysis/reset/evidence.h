// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>
#include <vector>

#include "flowstamp/event.h"
#include "user/analysis/evidence.h"
#include "user/analysis/reset/made_here.h"

namespace flowstamp::analysis {

/// What brought evidence about a RST later, or elsewhere: the values behind the signals that the
/// RST alone cannot show.
struct LaterEvidence {
    std::optional<fst_packet> liveness_ack{};
    std::optional<fst_packet> liveness_clock{};
    std::optional<fst_packet> liveness_id{};
    std::optional<fst_packet> liveness_data{};
    std::optional<fst_packet> beyond_window{};
    std::optional<fst_packet> refuted{};    ///< the packet that answered the challenge
    std::optional<fst_packet> syn_ack{};    ///< the SYN's other answer
    std::optional<fst_packet> other_rst{};  ///< the RST that this one contradicts
    std::optional<MadeHere> made_here{};    ///< not a packet: the interfaces that show it
};

/// The signals of `judgement` with their values, the strongest first. `slot` is the flow as it was
/// when the RST came.
[[nodiscard]] std::vector<Evidence> describe(const fst_packet& rst, const fst_judgement& judgement,
                                             const fst_flow& slot, const LaterEvidence& later);

}  // namespace flowstamp::analysis
