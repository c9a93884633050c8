// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/view/held_events.h"

#include <utility>

namespace flowstamp::output {

namespace {

template <class Its>
bool are_one(const Event& event, const Event& former) {
    const auto* now = std::get_if<Its>(&event);
    const auto* before = std::get_if<Its>(&former);
    return now != nullptr && before != nullptr && now->id == before->id;
}

/// A report of an incident or of a box includes what the former ones said of it.
bool replaces(const Event& event, const Event& former) {
    return are_one<analysis::Incident>(event, former) ||
           are_one<analysis::Middlebox>(event, former);
}

}  // namespace

void HeldEvents::hold(const Event& event) {
    std::erase_if(events_, [&](const Event& former) { return replaces(event, former); });
    events_.push_back(event);
    if (events_.size() > kMost) {
        events_.pop_front();
        ++left_out_;
    }
}

void HeldEvents::release(Consumer& consumer, Nanoseconds wall) {
    if (const std::uint64_t missing = std::exchange(left_out_, 0); missing != 0) {
        consumer.consume(LeftOut{.wall = wall, .above_bound = missing, .total = missing});
    }
    for (const Event& event : std::exchange(events_, {})) {
        consumer.consume(event);
    }
}

}  // namespace flowstamp::output
