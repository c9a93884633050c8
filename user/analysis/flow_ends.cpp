// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/flow_ends.h"

#include <algorithm>

#include "flowstamp/acceptance_rules.h"
#include "user/net/stamps.h"

namespace flowstamp::analysis {

namespace {

bool was_reset(const fst_flow& flow) {
    return fst_any_rst(flow.state) != 0;
}

bool is_half_open(const fst_flow& flow) {
    return !(flow.state & (FST_FLOW_ESTABLISHED | FST_FLOW_MIDWAY));
}

std::optional<FlowEnd> closing(const fst_flow& flow) {
    if (was_reset(flow)) {
        return FlowEnd::reset;
    }
    return fst_both_fins(flow.state) ? std::optional(FlowEnd::closed) : std::nullopt;
}

/// Of a flow, and of when it has spoken last; never 0. By Knuth's multiplicative hash.
std::uint32_t digest_of(const fst_flow& flow) {
    constexpr std::uint32_t kMultiplier = 2654435761;
    const std::uint64_t last_us = net::last_packet_ns(flow) / 1000;
    return std::max<std::uint32_t>(
        1, static_cast<std::uint32_t>(last_us) ^ flow.generation * kMultiplier);
}

}  // namespace

Nanoseconds FlowEnds::last_packet(const fst_flow& flow) {
    return Nanoseconds(static_cast<std::int64_t>(net::last_packet_ns(flow)));
}

/// A flow that continues after it was reported as idle is reported again.
std::optional<FlowEnd> FlowEnds::once(std::uint32_t slot, const fst_flow& flow, FlowEnd end) {
    if (slot >= reported_.size()) {
        return std::nullopt;
    }
    const std::uint32_t digest = digest_of(flow);
    if (reported_[slot] == digest) {
        return std::nullopt;
    }
    reported_[slot] = digest;
    return end;
}

std::optional<FlowEnd> FlowEnds::inspect(std::uint32_t slot, const fst_flow& flow,
                                         Nanoseconds now) {
    const Nanoseconds silent = now - last_packet(flow);
    if (const auto end = closing(flow)) {
        return silent >= kAfterClose ? once(slot, flow, *end) : std::nullopt;
    }
    const Nanoseconds limit = is_half_open(flow) ? kHalfOpen : kIdle;
    return silent >= limit ? once(slot, flow, FlowEnd::idle) : std::nullopt;
}

std::optional<FlowEnd> FlowEnds::lost_slot(std::uint32_t slot, const fst_flow& flow, bool evicted) {
    const FlowEnd otherwise = evicted ? FlowEnd::evicted : FlowEnd::replaced;
    return once(slot, flow, closing(flow).value_or(otherwise));
}

std::optional<FlowEnd> FlowEnds::at_the_end(std::uint32_t slot, const fst_flow& flow) {
    return once(slot, flow, closing(flow).value_or(FlowEnd::open));
}

}  // namespace flowstamp::analysis
