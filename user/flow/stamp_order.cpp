// SPDX-License-Identifier: Apache-2.0
#include "user/flow/stamp_order.h"

#include <algorithm>

namespace flowstamp {

StampOrder::StampOrder(std::size_t most, Take take) : most_(most), take_(std::move(take)) {
    held_.reserve(most);
    kept_.reserve(most);
    sorted_.reserve(most);
}

void StampOrder::add(std::span<const fs_packet_stamp> stamps) {
    held_.insert(held_.end(), stamps.begin(), stamps.end());
}

/// Equal times keep the order in which they came, by their place.
void StampOrder::sort() {
    sorted_.clear();
    for (std::uint32_t i = 0; i < held_.size(); i++) {
        sorted_.emplace_back(held_[i].time_ns, i);
    }
    std::ranges::sort(sorted_);
}

void StampOrder::release(std::size_t count) {
    const std::span sorted(sorted_);
    for (const auto& [time, place] : sorted.first(count)) {
        take_(held_[place]);
    }
    kept_.clear();
    for (const auto& [time, place] : sorted.subspan(count)) {
        kept_.push_back(held_[place]);
    }
    std::swap(held_, kept_);
}

void StampOrder::release_before(Nanoseconds monotonic) {
    sort();
    const auto time = static_cast<std::uint64_t>(monotonic.count());
    const auto first_kept = std::ranges::lower_bound(
        sorted_, time, {}, &std::pair<std::uint64_t, std::uint32_t>::first);
    release(static_cast<std::size_t>(first_kept - sorted_.begin()));
}

void StampOrder::release_half() {
    sort();
    release(held_.size() / 2);
}

void StampOrder::release_all() {
    sort();
    release(held_.size());
}

}  // namespace flowstamp
