// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/ttl_shift.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "flowstamp/acceptance_rules.h"
#include "flowstamp/hops.h"
#include "user/net/endpoint.h"
#include "user/net/stamps.h"

namespace flowstamp::analysis {

namespace {

/// Whether the sender had sent nothing but its part of the handshake before this packet.
bool is_after_handshake(const fst_packet& packet, const fst_flow& slot) {
    return !(slot.state & FST_FLOW_MIDWAY) && packet.seq == slot.isn[packet.direction & 1U] + 1;
}

}  // namespace

void TtlShift::observe(const Observation& observation, FindingSink& sink) {
    const ViewKey view = view_of(observation.event);
    const unsigned direction = observation.event.packet.direction & 1U;
    switch (observation.kind()) {
        case FST_EVENT_TTL:
            if (changes_.size() < kMost && tracking_.slots.read(view)) {
                changes_[{view, direction}] = {observation, observation.time() + kCheckEvery};
                next_check_ = std::min(next_check_, observation.time() + kCheckEvery);
            }
            break;
        case FST_EVENT_RST:
            if (observation.slot && !fst_any_fin(observation.slot->state)) {
                settle_both(view, *observation.slot);
                report(view, sink);
            }
            break;
        case FST_EVENT_RTO_RETRANSMIT:
            if (const auto* wait = tracking_.retransmissions.of(view, direction);
                wait != nullptr && wait->times >= kStall && !wait->window_closed) {
                report(view, sink);
            }
            break;
        case FST_EVENT_ENDED:
        case FST_EVENT_EVICTED:
            for (const unsigned side : {0U, 1U}) {
                changes_.erase({view, side});
                shifts_.erase({view, side});
            }
            break;
        default:
            break;
    }
}

void TtlShift::settle_both(const ViewKey& view, const fst_flow& slot) {
    for (const unsigned direction : {0U, 1U}) {
        if (const auto found = changes_.find({view, direction}); found != changes_.end()) {
            settle(found->second, slot);
            changes_.erase(found);
        }
    }
}

void TtlShift::report(const ViewKey& view, FindingSink& sink) {
    for (const unsigned direction : {0U, 1U}) {
        if (const auto found = shifts_.find({view, direction}); found != shifts_.end()) {
            FindingUpdates().report(std::move(found->second), tracking_.findings, sink);
            shifts_.erase(found);
        }
    }
}

bool TtlShift::settle(Change& change, const fst_flow& slot) {
    const fst_packet& packet = change.observation.event.packet;
    const fst_direction& own = slot.direction[packet.direction & 1U];
    const unsigned hops = fst_hops(packet.ttl);
    unsigned nearest_other = 255;
    std::vector<std::uint64_t> others;
    for (const std::uint8_t ttl : own.ttl) {
        if (ttl == 0 || ttl == packet.ttl) {
            continue;
        }
        const unsigned other = fst_hops(ttl);
        if (other > FST_HOPS_MAX || hops > FST_HOPS_MAX ||
            static_cast<unsigned>(std::abs(static_cast<int>(hops) - static_cast<int>(other))) <
                kApart) {
            return true;  // the TTL shows no hops, or the difference is too small
        }
        nearest_other = std::min(nearest_other, other);
        others.push_back(ttl);
    }
    const auto stamps = net::stamps_of(own);
    const auto from_there = std::ranges::count(stamps, packet.ttl, &fst_stamp::ttl);
    if (nearest_other == 255 || (own.flags & FST_DIRECTION_TTL_MANY)) {
        return true;
    }
    if (from_there < static_cast<std::ptrdiff_t>(kPackets)) {
        return false;
    }
    const bool after_handshake = is_after_handshake(packet, slot);
    const bool opened = slot.state & FST_OF(FST_FLOW_SYN, packet.direction & 1U);
    // A proxy stands before the host whose connections it accepts.
    const bool is_proxy = after_handshake && !opened && nearest_other < hops;
    const net::Endpoint sender = net::sender_of(packet);
    Finding finding{
        .kind = FindingKind::ttl_shift,
        .verdict = FST_VERDICT_SUSPECTED,
        .sighting = sighting_of(change.observation),
        .summary = {{.phrase = is_proxy                    ? Phrase::proxy_answered_handshake
                               : after_handshake && opened ? Phrase::opener_moved
                                                           : Phrase::distance_changed,
                     .values = {field::sender(sender), field::sender_ip(sender), field::hops(hops),
                                field::base_hops(nearest_other)}}},
        .evidence = {{.signal = Signal::DISTANCE,
                      .observed = {field::ttl(packet.ttl), field::hops(hops)},
                      .baseline = Values{field::ttls(others), field::hops(nearest_other)}},
                     {.signal = Signal::LASTING,
                      .observed = {field::packets(from_there), field::of_packets(stamps.size())}}},
        .slot = slot,
    };
    if (is_proxy) {
        finding.advice = {
            {.phrase = Phrase::look_for_proxy, .values = {field::base_hops(nearest_other)}}};
    }
    if (shifts_.size() < kMost) {
        shifts_.insert_or_assign(Side{view_of(change.observation.event), packet.direction & 1U},
                                 std::move(finding));
    }
    return true;
}

void TtlShift::advance(Nanoseconds now, FindingSink& sink) {
    if (now < next_check_) {
        return;
    }
    next_check_ = Nanoseconds::max();
    for (auto place = changes_.begin(); place != changes_.end();) {
        Change& change = place->second;
        if (change.check_at > now) {
            next_check_ = std::min(next_check_, change.check_at);
            ++place;
            continue;
        }
        const auto slot = tracking_.slots.read(place->first.first);
        const bool old = now - change.observation.time() > kLongest;
        if (!slot || settle(change, *slot) || old) {
            const Side side = place->first;
            place = changes_.erase(place);
            // Who answers the handshake in another's name hides whether that one is up.
            if (const auto shift = shifts_.find(side);
                shift != shifts_.end() &&
                shift->second.summary.front().phrase == Phrase::proxy_answered_handshake) {
                report(side.first, sink);
            }
        } else {
            change.check_at = now + kCheckEvery;
            next_check_ = std::min(next_check_, change.check_at);
            ++place;
        }
    }
}

std::unique_ptr<Detector> make_ttl_shift(Tracking& tracking) {
    return std::make_unique<TtlShift>(tracking);
}

}  // namespace flowstamp::analysis
