// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/syn_tracker.h"

#include <algorithm>

#include "user/analysis/finding_updates.h"
#include "user/analysis/tracking/icmp_errors.h"
#include "user/net/endpoint_hash.h"

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

/// Whether a SYN there is the same one again.
bool is_same(const SynTracker::Place& one, const SynTracker::Place& two) {
    return one.client == two.client && one.server == two.server &&
           one.view.ifindex == two.view.ifindex;
}

/// Whether a SYN there is that of another connection: a client's port is translated together with
/// its address, and not alone.
bool is_another(const SynTracker::Place& one, const SynTracker::Place& two) {
    return one.client.address == two.client.address && one.client.port != two.client.port &&
           one.server != two.server;
}

}  // namespace

std::uint32_t SynTracker::name_of_ends(const net::Endpoint& client, const net::Endpoint& server) {
    return net::hash_of(client) ^ net::hash_of(server) * 31U;
}

void SynTracker::saw_syn(const Observation& observation) {
    const fst_packet& packet = observation.event.packet;
    const ViewKey view = view_of(observation.event);
    const Place place{view, net::sender_of(packet), net::receiver_of(packet)};
    contacted_.insert(name_of_ends(place.client, place.server));
    if (Attempt* known = known_as(packet.seq, place); known != nullptr) {
        const Place& first = known->places.front();
        if (is_same(first, place)) {
            known->sent++;
            known->latest = sighting_of(observation);
            views_[view] = known->id;
            return;
        }
        const bool passes = observation.time() - known->latest.time() < kPassing;
        const bool is_new =
            std::ranges::none_of(known->places, [&](const Place& at) { return at.view == view; });
        if (passes || !is_new) {
            if (is_new && known->places.size() < kMostPlaces) {
                known->places.push_back(place);
                views_[view] = known->id;
            }
            return;
        }
        forget(known->id);
    }
    std::vector<Id>& alike = alike_[packet.seq];
    if (alike.size() >= kMostAlike) {
        return;
    }
    const Id id = ++latest_id_;
    alike.push_back(id);
    attempts_[id] = {.id = id,
                     .seq = packet.seq,
                     .places = {place},
                     .sent = 1,
                     .first = observation.time(),
                     .latest = sighting_of(observation),
                     .answer = Answer::none,
                     .stale_answers = 0};
    views_[view] = id;
    order_.push_back({observation.time() + kRemember, id});
    make_room();
    drop_forgotten();
}

SynTracker::Attempt* SynTracker::known_as(std::uint32_t seq, const Place& place) {
    const auto alike = alike_.find(seq);
    if (alike == alike_.end()) {
        return nullptr;
    }
    Attempt* passed_on = nullptr;
    for (const Id id : alike->second) {
        Attempt& attempt = attempts_.at(id);
        const Place& first = attempt.places.front();
        if (is_same(first, place)) {
            return &attempt;
        }
        if (passed_on == nullptr && !is_another(first, place)) {
            passed_on = &attempt;
        }
    }
    return passed_on;
}

/// Called for each new attempt, not by advance(): a flood may exceed the limit in between.
void SynTracker::make_room() {
    while (attempts_.size() > kMost) {
        const Due oldest = order_.front();
        order_.pop_front();
        forget(oldest.id);
    }
}

/// Keeps `order_` in proportion to the attempts: those that opened a connection are forgotten out of
/// its order.
void SynTracker::drop_forgotten() {
    if (order_.size() > 2 * (attempts_.size() + kMostOpened)) {
        std::erase_if(order_, [&](const Due& due) { return !attempts_.contains(due.id); });
    }
}

void SynTracker::saw_opening(const Observation& observation) {
    Attempt* attempt = of_view(view_of(observation.event));
    if (attempt == nullptr || attempt->has_opened || attempt->answer_copies_id) {
        return;
    }
    attempt->has_opened = true;
    opened_.push_back({observation.time() + kAfterOpening, attempt->id});
    if (opened_.size() > kMostOpened) {
        forget_opened();
    }
}

/// The one that opened its connection first.
void SynTracker::forget_opened() {
    const Due oldest = opened_.front();
    opened_.pop_front();
    forget(oldest.id);
}

bool SynTracker::begins_attempt(const Observation& observation) {
    if (observation.kind() != FST_EVENT_SYN) {
        return false;
    }
    const Attempt* known = of_view(view_of(observation.event));
    return known != nullptr && known->sent == 1 && known->places.size() == 1 &&
           known->first == observation.time();
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
            attempt->answer_copies_id |=
                packet.ip_id > 1 && packet.ip_id == attempt->latest.packet.ip_id;
            if (goes_between(*attempt, net::receiver_of(packet), net::sender_of(packet))) {
                attempt->answer = Answer::accepted;
            } else if (attempt->answer == Answer::none &&
                       std::ranges::any_of(attempt->places, [&](const Place& place) {
                           return place.client == net::receiver_of(packet);
                       })) {
                attempt->answer = Answer::mismatched;
            }
            break;
        case FST_EVENT_ESTABLISHED:
            saw_opening(observation);
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

SynTracker::Attempt* SynTracker::by_id(Id id) {
    const auto found = attempts_.find(id);
    return found == attempts_.end() ? nullptr : &found->second;
}

SynTracker::Attempt* SynTracker::answered_by(const fst_packet& packet) {
    const auto alike =
        (packet.tcp_flags & FST_TCP_ACK) ? alike_.find(packet.ack - 1) : alike_.end();
    if (alike == alike_.end()) {
        return nullptr;
    }
    const net::Endpoint client = net::receiver_of(packet);
    Attempt* of_client = nullptr;
    Attempt* latest = nullptr;
    for (const Id id : alike->second) {
        latest = &attempts_.at(id);
        if (goes_between(*latest, client, net::sender_of(packet))) {
            return latest;
        }
        if (std::ranges::any_of(latest->places,
                                [&](const Place& place) { return place.client == client; })) {
            of_client = latest;
        }
    }
    return of_client != nullptr ? of_client : latest;
}

SynTracker::Attempt* SynTracker::of_view(const ViewKey& view) {
    const auto found = views_.find(view);
    return found == views_.end() ? nullptr : by_id(found->second);
}

bool SynTracker::goes_between(const Attempt& attempt, const net::Endpoint& client,
                              const net::Endpoint& server) {
    return std::ranges::any_of(attempt.places, [&](const Place& place) {
        return place.client == client && place.server == server;
    });
}

void SynTracker::forget(Id id) {
    const auto found = attempts_.find(id);
    if (found == attempts_.end()) {
        return;
    }
    for (const Place& place : found->second.places) {
        if (const auto view = views_.find(place.view); view != views_.end() && view->second == id) {
            views_.erase(view);
        }
    }
    const auto alike = alike_.find(found->second.seq);
    std::erase(alike->second, id);
    if (alike->second.empty()) {
        alike_.erase(alike);
    }
    attempts_.erase(found);
}

void SynTracker::advance(Nanoseconds now) {
    while (!opened_.empty() && opened_.front().at <= now) {
        forget_opened();
    }
    while (!order_.empty() && order_.front().at <= now) {
        const Due due = order_.front();
        order_.pop_front();
        const Attempt* attempt = by_id(due.id);
        if (attempt == nullptr) {
            continue;
        }
        const Nanoseconds until = attempt->latest.time() + kRemember;
        if (until > now) {
            order_.push_back({until, due.id});
        } else {
            forget(due.id);
        }
    }
}

}  // namespace flowstamp::analysis
