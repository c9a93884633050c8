// SPDX-License-Identifier: Apache-2.0
#include "user/diagnosis/flow_ends.h"

#include <algorithm>

namespace flowstamp {

namespace {

bool was_reset(const fs_flow& flow) {
    return flow.state & (FS_OF(FS_FLOW_RST, 0) | FS_OF(FS_FLOW_RST, 1));
}

bool was_closed(const fs_flow& flow) {
    constexpr std::uint32_t kBoth = FS_OF(FS_FLOW_FIN, 0) | FS_OF(FS_FLOW_FIN, 1);
    return (flow.state & kBoth) == kBoth;
}

bool is_half_open(const fs_flow& flow) {
    return !(flow.state & (FS_FLOW_ESTABLISHED | FS_FLOW_MIDWAY));
}

std::optional<FlowEnd> closing(const fs_flow& flow) {
    if (was_reset(flow)) {
        return FlowEnd::reset;
    }
    return was_closed(flow) ? std::optional(FlowEnd::closed) : std::nullopt;
}

}  // namespace

Nanoseconds FlowEnds::last_packet(const fs_flow& flow) {
    return Nanoseconds(
        static_cast<std::int64_t>(std::max(flow.direction[0].last_ns, flow.direction[1].last_ns)));
}

/// A flow that went on after it was told as idle is told again.
std::optional<FlowEnd> FlowEnds::once(std::uint32_t slot, const fs_flow& flow, FlowEnd end) {
    if (slot >= told_.size()) {
        return std::nullopt;
    }
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(last_packet(flow));
    const auto last = static_cast<std::uint32_t>(seconds.count() + 1);
    Told& told = told_[slot];
    if (told.generation == flow.generation && told.last_seconds >= last) {
        return std::nullopt;
    }
    told = {flow.generation, last};
    return end;
}

std::optional<FlowEnd> FlowEnds::look(std::uint32_t slot, const fs_flow& flow, Nanoseconds now) {
    const Nanoseconds silent = now - last_packet(flow);
    if (const auto end = closing(flow)) {
        return silent >= kAfterClose ? once(slot, flow, *end) : std::nullopt;
    }
    const Nanoseconds patience = is_half_open(flow) ? kHalfOpen : kIdle;
    return silent >= patience ? once(slot, flow, FlowEnd::idle) : std::nullopt;
}

std::optional<FlowEnd> FlowEnds::lost_slot(std::uint32_t slot, const fs_flow& flow, bool evicted) {
    const FlowEnd otherwise = evicted ? FlowEnd::evicted : FlowEnd::replaced;
    return once(slot, flow, closing(flow).value_or(otherwise));
}

std::optional<FlowEnd> FlowEnds::at_the_end(std::uint32_t slot, const fs_flow& flow) {
    return once(slot, flow, closing(flow).value_or(FlowEnd::open));
}

}  // namespace flowstamp
