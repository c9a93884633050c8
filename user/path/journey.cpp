// SPDX-License-Identifier: Apache-2.0
#include "user/path/journey.h"

namespace flowstamp {

namespace {

/// How a way ended of which no drop is known.
Journey::End quiet_end(const Journey& journey, bool is_delivered, bool is_consumed) {
    const __u8 place = journey.stations.back().place;
    // The stack frees what a socket has taken without a word.
    if (is_delivered || place == FS_PLACE_INPUT) {
        return Journey::End::delivered;
    }
    const bool was_leaving =
        place == FS_PLACE_TC_EGRESS || (is_consumed && place == FS_PLACE_POSTROUTING);
    return was_leaving ? Journey::End::left : Journey::End::unknown;
}

/// The end of a buffer whose way was told already: a socket had it, and was closed with it unread.
bool is_late(const fs_path_event& event) {
    return event.header.kind == FS_PATH_DROPPED && (event.flags & FS_PATH_CONTINUED) != 0 &&
           event.place <= FS_PLACE_INPUT &&
           event.time_ns - event.began_ns >
               static_cast<std::uint64_t>(JourneyBook::kPatience.count());
}

}  // namespace

JourneyBook::Open& JourneyBook::open(const Name& name) {
    const auto [place, is_new] = open_.try_emplace(name);
    if (!is_new) {
        uses_.splice(uses_.end(), uses_of(place->second), place->second.use);
        place->second.waits = false;
        return place->second;
    }
    uses_.push_back(name);
    place->second.use = std::prev(uses_.end());
    if (open_.size() > kMost) {
        overflow_++;
        close(open_.find((waiting_.empty() ? uses_ : waiting_).front()));
    }
    return place->second;
}

void JourneyBook::close(std::map<Name, Open>::iterator place) {
    Open ended = std::move(place->second);
    uses_of(ended).erase(ended.use);
    open_.erase(place);
    if (ended.journey.drop) {
        ended.journey.end = Journey::End::dropped;
    } else if (ended.journey.stations.empty()) {
        return;  // consumed before any station saw it
    } else {
        ended.journey.end = quiet_end(ended.journey, ended.is_delivered, ended.is_consumed);
    }
    sink_(ended.journey);
}

void JourneyBook::file(const fs_path_event& event) {
    const Name name{event.skb, event.began_ns};
    if (is_late(event) && !open_.contains(name)) {
        return;
    }
    Open& its = open(name);
    switch (event.header.kind) {
        case FS_PATH_STATION:
            its.journey.stations.push_back(event);
            if (event.place == FS_PLACE_POSTROUTING) {
                its.waits = true;
                waiting_.splice(waiting_.end(), uses_, its.use);
            }
            break;
        case FS_PATH_SOCKET:
            its.is_delivered = true;
            break;
        case FS_PATH_DROPPED:
            its.journey.drop = event;
            close(open_.find(name));
            break;
        case FS_PATH_CONSUMED:
            its.is_consumed = true;
            close(open_.find(name));
            break;
        default:
            break;
    }
}

void JourneyBook::close_quiet(Uses& uses, Nanoseconds since) {
    while (!uses.empty()) {
        const auto place = open_.find(uses.front());
        const Journey& journey = place->second.journey;
        if (!journey.stations.empty() && time_of(journey.stations.back()) > since) {
            break;
        }
        close(place);
    }
}

void JourneyBook::advance(Nanoseconds now) {
    close_quiet(uses_, now - kPatience);
    close_quiet(waiting_, now - kPatienceForNeighbours);
}

void JourneyBook::finish() {
    for (Uses* const uses : {&uses_, &waiting_}) {
        while (!uses->empty()) {
            close(open_.find(uses->front()));
        }
    }
}

}  // namespace flowstamp
