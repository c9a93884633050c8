// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/syn_tracker.h"

#include <algorithm>

#include "user/analysis/finding_updates.h"
#include "user/analysis/tracking/icmp_errors.h"

namespace flowstamp::analysis {

namespace {

/// One packet passes all interfaces of a host within this.
constexpr Nanoseconds kPassing = std::chrono::milliseconds(500);

/// Whether an ACK of an older connection answers the SYN, and is not its own traffic.
bool answers(const fst_packet& ack, const Sighting& syn) {
    constexpr Nanoseconds kAtOnce = std::chrono::seconds(3);
    return ack.payload == 0 && !(ack.tcp_flags & FST_TCP_FIN) &&
           Nanoseconds(static_cast<std::int64_t>(ack.time_ns)) - syn.time() < kAtOnce;
}

}  // namespace

void SynTracker::saw_syn(const Observation& observation) {
    const fst_packet& packet = observation.event.packet;
    const ViewKey view = view_of(observation.event);
    const Place place{view, net::sender_of(packet), net::receiver_of(packet)};
    if (contacted_.insert({place.client, place.server}).second) {
        contacts_.emplace_back(place.client, place.server);
        if (contacts_.size() > kMost) {
            contacted_.erase(contacts_.front());
            contacts_.pop_front();
        }
    }
    if (const auto known = attempts_.find(packet.seq); known != attempts_.end()) {
        Attempt& attempt = known->second;
        const Place& first = attempt.places.front();
        if (first.client == place.client && first.server == place.server &&
            first.view.ifindex == view.ifindex) {
            attempt.sent++;
            attempt.latest = sighting_of(observation);
            views_[view] = packet.seq;
            return;
        }
        const bool passes = observation.time() - attempt.latest.time() < kPassing;
        const bool is_new =
            std::ranges::none_of(attempt.places, [&](const Place& at) { return at.view == view; });
        if (passes || !is_new) {
            if (is_new && attempt.places.size() < kMostPlaces) {
                attempt.places.push_back(place);
                views_[view] = packet.seq;
            }
            return;
        }
        forget(packet.seq);
    }
    Attempt& attempt = attempts_[packet.seq];
    attempt = {.seq = packet.seq,
               .places = {place},
               .sent = 1,
               .first = observation.time(),
               .latest = sighting_of(observation),
               .answer = Answer::none,
               .stale_answers = 0};
    views_[view] = packet.seq;
    order_.push_back({observation.time() + kRemember, packet.seq});
    make_room();
}

/// Called for each new attempt, not by advance(): a flood may exceed the limit in between.
void SynTracker::make_room() {
    while (attempts_.size() > kMost) {
        const Due oldest = order_.front();
        order_.pop_front();
        forget(oldest.seq);
    }
}

bool SynTracker::begins_attempt(const Observation& observation) const {
    if (observation.kind() != FST_EVENT_SYN) {
        return false;
    }
    const auto known = attempts_.find(observation.event.packet.seq);
    return known != attempts_.end() && known->second.sent == 1 &&
           known->second.places.size() == 1 && known->second.first == observation.time();
}

void SynTracker::record(const Observation& observation) {
    const fst_packet& packet = observation.event.packet;
    Attempt* attempt = nullptr;
    switch (observation.kind()) {
        case FST_EVENT_SYN:
            saw_syn(observation);
            break;
        case FST_EVENT_SYN_ACK:
            attempt = answered_by(packet);
            if (attempt == nullptr) {
                break;
            }
            if (goes_between(*attempt, net::receiver_of(packet), net::sender_of(packet))) {
                attempt->answer = Answer::accepted;
            } else if (attempt->answer == Answer::none &&
                       std::ranges::any_of(attempt->places, [&](const Place& place) {
                           return place.client == net::receiver_of(packet);
                       })) {
                attempt->answer = Answer::mismatched;
            }
            break;
        case FST_EVENT_RST:
            attempt = answered_by(packet);
            if (attempt != nullptr && attempt->answer == Answer::none &&
                goes_between(*attempt, net::receiver_of(packet), net::sender_of(packet))) {
                attempt->answer = Answer::refused;
            }
            break;
        case FST_EVENT_ICMP_ERROR:
            attempt = of_view(view_of(observation.event));
            if (attempt != nullptr && attempt->answer == Answer::none && is_rejection(packet)) {
                attempt->answer = Answer::rejected;
            }
            break;
        case FST_EVENT_LOOP:
            attempt = of_view(view_of(observation.event));
            if (attempt != nullptr && attempt->answer == Answer::none) {
                attempt->answer = Answer::looping;
            }
            break;
        case FST_EVENT_STALE_ACK:
            attempt = of_view(view_of(observation.event));
            if (attempt != nullptr && answers(packet, attempt->latest)) {
                attempt->stale_answers++;
                if (attempt->answer == Answer::none) {
                    attempt->answer = Answer::stale;
                }
            }
            break;
        default:
            break;
    }
}

SynTracker::Attempt* SynTracker::by_seq(std::uint32_t seq) {
    const auto found = attempts_.find(seq);
    return found == attempts_.end() ? nullptr : &found->second;
}

SynTracker::Attempt* SynTracker::answered_by(const fst_packet& packet) {
    return (packet.tcp_flags & FST_TCP_ACK) ? by_seq(packet.ack - 1) : nullptr;
}

SynTracker::Attempt* SynTracker::of_view(const ViewKey& view) {
    const auto found = views_.find(view);
    return found == views_.end() ? nullptr : by_seq(found->second);
}

bool SynTracker::goes_between(const Attempt& attempt, const net::Endpoint& client,
                              const net::Endpoint& server) {
    return std::ranges::any_of(attempt.places, [&](const Place& place) {
        return place.client == client && place.server == server;
    });
}

void SynTracker::forget(std::uint32_t seq) {
    const auto found = attempts_.find(seq);
    if (found == attempts_.end()) {
        return;
    }
    for (const Place& place : found->second.places) {
        views_.erase(place.view);
    }
    attempts_.erase(found);
}

void SynTracker::advance(Nanoseconds now) {
    while (!order_.empty() && order_.front().at <= now) {
        const Due due = order_.front();
        order_.pop_front();
        const Attempt* attempt = by_seq(due.seq);
        if (attempt == nullptr) {
            continue;
        }
        const Nanoseconds until = attempt->latest.time() + kRemember;
        if (until > now) {
            order_.push_back({until, due.seq});
        } else {
            forget(due.seq);
        }
    }
}

}  // namespace flowstamp::analysis
