// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/flows/flow_ranking.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "user/net/flow_totals.h"
#include "user/net/stamps.h"

namespace flowstamp::cmd {

namespace {

bool is_before(const FlowRanking::Place& one, const FlowRanking::Place& other) {
    return std::tuple(other.value, one.table, one.slot) <
           std::tuple(one.value, other.table, other.slot);
}

}  // namespace

std::uint64_t value_of(const fst_flow& flow, FlowOrder order, Nanoseconds now) {
    switch (order) {
        case FlowOrder::bytes:
            return net::bytes_of(flow);
        case FlowOrder::packets:
            return net::packets_of(flow);
        case FlowOrder::rtt:
            return net::rtt_us_of(flow);
        case FlowOrder::resets:
            return net::resets_of(flow);
        case FlowOrder::age:
            break;
    }
    const auto now_ns = static_cast<std::uint64_t>(now.count());
    return now_ns - std::min(now_ns, net::last_packet_ns(flow));
}

void FlowRanking::add(const Place& place) {
    count_++;
    if (most_ == 0) {
        kept_.push_back(place);
        return;
    }
    if (kept_.size() == most_) {
        if (!is_before(place, kept_.front())) {
            return;
        }
        std::ranges::pop_heap(kept_, is_before);
        kept_.pop_back();
    }
    kept_.push_back(place);
    std::ranges::push_heap(kept_, is_before);
}

std::vector<FlowRanking::Place> FlowRanking::take() {
    std::ranges::sort(kept_, is_before);
    return std::exchange(kept_, {});
}

}  // namespace flowstamp::cmd
