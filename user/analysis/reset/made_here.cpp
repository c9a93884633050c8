// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/reset/made_here.h"

namespace flowstamp::analysis {

namespace {

/// A reset that has come in lately may be this one, changed by a program that forwards frames.
constexpr std::uint32_t kLatelyUs = 1'000'000;

bool has_reset_lately(const fst_flow& flow, unsigned sender, const fst_packet& rst) {
    const auto now_us = static_cast<std::uint32_t>(rst.time_ns / 1000);
    return flow.rst_ttl[sender] != 0 && now_us - flow.rst_us[sender] < kLatelyUs;
}

}  // namespace

std::optional<MadeHere> made_here(const Observation& rst, const FlowViews& views,
                                  const SlotReader& slots) {
    const fst_packet& packet = rst.event.packet;
    const unsigned sender = packet.direction & 1U;
    if (!(rst.event.judgement.context & FST_CONTEXT_NEVER_CAME_IN) || !rst.slot ||
        !comes_in_here(*rst.slot, sender ^ 1U)) {
        return std::nullopt;
    }
    for (const OtherView& other : views.of(rst, slots)) {
        if (comes_in_here(other.flow, other.sender) &&
            !has_reset_lately(other.flow, other.sender, packet)) {
            return MadeHere{.left_by = rst.interface, .comes_in_by = std::string(other.interface)};
        }
    }
    return std::nullopt;
}

}  // namespace flowstamp::analysis
