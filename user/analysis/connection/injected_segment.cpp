// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/injected_segment.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "flowstamp/hops.h"
#include "flowstamp/reset_rules.h"
#include "user/analysis/tracking/both_ways.h"
#include "user/analysis/tracking/tracking.h"
#include "user/net/endpoint.h"
#include "user/net/stamps.h"

namespace flowstamp::analysis {

namespace {

constexpr int kApart = 2;

int hops_between(std::uint8_t one_ttl, std::uint8_t other_ttl) {
    return int{fst_hops(one_ttl)} - int{fst_hops(other_ttl)};
}

bool shows_hops(std::uint8_t ttl) {
    return fst_hops(ttl) <= FST_HOPS_MAX;
}

bool sent(const fst_direction& direction, std::uint16_t ip_id) {
    return ip_id > 1 && std::ranges::any_of(net::stamps_of(direction), [&](const fst_stamp& stamp) {
               return stamp.ip_id == ip_id;
           });
}

Evidence echo_evidence(std::uint16_t ip_id) {
    return {.signal = Signal::ID_ECHO,
            .observed = {field::ip_id(ip_id)},
            .baseline = Values{field::ip_id(ip_id)}};
}

Evidence distance_evidence(std::uint8_t ttl, std::uint8_t other_ttl) {
    return {.signal = Signal::NEARER,
            .observed = {field::ttl(ttl), field::hops(fst_hops(ttl))},
            .baseline = Values{field::ttls({{other_ttl}}), field::hops(fst_hops(other_ttl))}};
}

Evidence other_bytes_evidence(const Observation& observation) {
    const OtherBytes& other = *observation.other_bytes;
    return {.signal = Signal::OTHER_BYTES,
            .observed = {field::differ(other.differ), field::compared(other.compared)},
            .baseline = Values{field::frame(other.frame)}};
}

/// The one of a side's latest packets, this one included, that came from nearer than the rest. Only
/// once or twice: more is a changed route. Not from farther: that is a detour.
std::optional<fst_stamp> from_elsewhere(const fst_direction& own, const fst_packet& packet) {
    const std::uint8_t usual = own.ttl[0];
    if ((own.flags & FST_DIRECTION_TTL_MANY) || !shows_hops(usual) || !shows_hops(packet.ttl)) {
        return std::nullopt;
    }
    fst_stamp elsewhere{};
    if (std::abs(hops_between(packet.ttl, usual)) >= kApart) {
        elsewhere.ttl = packet.ttl;
        elsewhere.ip_id = packet.ip_id;
    } else {
        for (const fst_stamp& stamp : net::stamps_of(own)) {
            // A RST from elsewhere has a finding of its own.
            if (!(stamp.tcp_flags & FST_TCP_RST) && shows_hops(stamp.ttl) &&
                std::abs(hops_between(stamp.ttl, usual)) >= kApart) {
                elsewhere = stamp;
            }
        }
    }
    const auto from_there = std::ranges::count(net::stamps_of(own), elsewhere.ttl, &fst_stamp::ttl);
    if (elsewhere.ttl == 0 || from_there > 2 || hops_between(usual, elsewhere.ttl) < kApart) {
        return std::nullopt;
    }
    return elsewhere;
}

}  // namespace

void InjectedSegment::observe(const Observation& observation, FindingSink& sink) {
    if (observation.kind() == FST_EVENT_SYN_ACK) {
        saw_syn_ack(observation, sink);
    } else if (observation.kind() == FST_EVENT_DATA_REPEATED && observation.slot) {
        saw_repeated(observation, sink);
    } else if (observation.kind() == FST_EVENT_FIN) {
        saw_fin(observation, sink);
    } else if (observation.kind() == FST_EVENT_TTL) {
        if (shifted_.size() >= kMost) {
            shifted_.clear();
        }
        shifted_[view_of(observation.event)] = observation;
    }
}

bool InjectedSegment::mark_reported(const ViewKey& view) {
    if (reported_.size() >= kMost) {
        reported_.clear();
    }
    return reported_.insert(view).second;
}

void InjectedSegment::saw_syn_ack(const Observation& observation, FindingSink& sink) {
    const ViewKey view = view_of(observation.event);
    const Handshakes::Handshake* handshake = handshakes_.of(view);
    if (handshake == nullptr || !handshake->syn_ack) {
        return;
    }
    const Sighting& first = *handshake->syn_ack;
    const Sighting second = sighting_of(observation);
    const fst_packet& one = first.packet;
    const fst_packet& two = second.packet;
    const SynTracker::Attempt* attempt = syns_.answered_by(two);
    if (one.direction != two.direction || one.ack != two.ack || one.seq == two.seq ||
        second.time() - first.time() > kRace || attempt == nullptr || attempt->sent != 1 ||
        !mark_reported(view)) {
        return;
    }
    const std::uint16_t syn_id = attempt->latest.packet.ip_id;
    const bool one_echoes = syn_id > 1 && one.ip_id == syn_id;
    const bool two_echoes = syn_id > 1 && two.ip_id == syn_id;
    const bool comparable = shows_hops(one.ttl) && shows_hops(two.ttl);
    const bool one_nearer = comparable && hops_between(two.ttl, one.ttl) >= kApart;
    const bool two_nearer = comparable && hops_between(one.ttl, two.ttl) >= kApart;
    const bool first_is_injected = one_echoes || (one_nearer && !two_echoes);
    if (first_is_injected || (!two_echoes && !two_nearer)) {
        report_syn_ack(first, second, one_echoes, one_nearer, sink);
    } else {
        report_syn_ack(second, first, two_echoes, two_nearer, sink);
    }
}

void InjectedSegment::report_syn_ack(const Sighting& injected, const Sighting& other, bool echo,
                                     bool nearer, FindingSink& sink) {
    const fst_packet& packet = injected.packet;
    const Phrase phrase = echo     ? Phrase::syn_answered_twice_with_its_id
                          : nearer ? Phrase::syn_answered_twice_from_nearer
                                   : Phrase::syn_answered_twice;
    const Nanoseconds apart(std::abs((other.time() - injected.time()).count()));
    Finding finding{
        .kind = FindingKind::injected_segment,
        .verdict = echo || nearer ? FST_VERDICT_CONFIRMED : FST_VERDICT_SUSPECTED,
        .sighting = injected,
        .summary = {{.phrase = phrase, .values = {field::server(net::sender_of(packet))}}},
        .advice = {{.phrase = Phrase::look_for_box_at_distance}},
        .evidence = {{.signal = Signal::TWO_ANSWERS,
                      .observed = {field::seq(packet.seq)},
                      .baseline = Values{field::seq(other.packet.seq), field::apart(apart)}}},
    };
    if (echo) {
        finding.evidence.push_back(echo_evidence(packet.ip_id));
    }
    if (nearer) {
        finding.evidence.push_back(distance_evidence(packet.ttl, other.packet.ttl));
    }
    FindingUpdates().report(std::move(finding), findings_, sink);
}

/// Whether nothing shows that the other bytes are another's: both segments come from one distance,
/// and neither has an IP-ID that its sender does not give. Stacks do send other bytes for a
/// sequence number again (keepalives, broken offloads), and captures are edited.
bool InjectedSegment::is_by_sender_itself(const Observation& observation) {
    const fst_packet& packet = observation.event.packet;
    const fst_direction& own = observation.slot->direction[packet.direction & 1U];
    const fst_direction& reader = observation.slot->direction[(packet.direction & 1U) ^ 1U];
    const OtherBytes& other = *observation.other_bytes;
    if (sent(reader, packet.ip_id) || sent(reader, other.ip_id)) {
        return false;
    }
    const auto step = static_cast<std::uint16_t>(packet.ip_id - other.ip_id);
    const bool breaks_counter = !(packet.flags & FST_PACKET_IPV6) &&
                                fst_id_class_of(&own) == FST_ID_FLOW && step > FST_SAME_COUNTER;
    return !breaks_counter;
}

void InjectedSegment::saw_repeated(const Observation& observation, FindingSink& sink) {
    const fst_packet& packet = observation.event.packet;
    const auto elsewhere =
        from_elsewhere(observation.slot->direction[packet.direction & 1U], packet);
    if (elsewhere && (observation.other_bytes || !(packet.flags & FST_PACKET_DUPLICATE_FRAME))) {
        if (mark_reported(view_of(observation.event))) {
            report_elsewhere(observation, *elsewhere, sink);
        }
    } else if (observation.other_bytes && !is_by_sender_itself(observation) &&
               mark_reported(view_of(observation.event))) {
        report_other_bytes(observation, sink);
    }
}

void InjectedSegment::report_elsewhere(const Observation& observation, const fst_stamp& elsewhere,
                                       FindingSink& sink) {
    const fst_packet& packet = observation.event.packet;
    const fst_flow& slot = *observation.slot;
    const std::uint8_t ttl = elsewhere.ttl;
    const std::uint8_t usual = slot.direction[packet.direction & 1U].ttl[0];
    const auto shifted = shifted_.find(view_of(observation.event));
    const bool is_it = shifted != shifted_.end() && shifted->second.event.packet.ttl == ttl &&
                       shifted->second.event.packet.direction == packet.direction;
    const bool echo = sent(slot.direction[(packet.direction & 1U) ^ 1U], elsewhere.ip_id);
    const bool lacks =
        ttl == packet.ttl && (slot.state & FST_FLOW_TS) && !(packet.flags & FST_PACKET_TS);
    const bool proven = echo || lacks || observation.other_bytes;
    const Phrase phrase = lacks    ? Phrase::data_lacks_timestamps
                          : proven ? Phrase::data_came_twice
                                   : Phrase::data_probably_came_twice;
    const Values segment{field::payload(packet.payload), field::seq(packet.seq),
                         field::has_timestamps(lacks ? std::optional(false) : std::nullopt)};
    Finding finding{
        .kind = FindingKind::injected_segment,
        .verdict = proven ? highest_verdict(slot) : FST_VERDICT_SUSPECTED,
        .sighting = sighting_of(is_it ? shifted->second : observation),
        .summary = {{.phrase = phrase,
                     .values = {field::sender(net::sender_of(packet)),
                                field::payload(packet.payload), field::hops(fst_hops(ttl)),
                                field::base_hops(fst_hops(usual))}}},
        .advice = {{.phrase = Phrase::look_for_box_at_distance}},
        .evidence = {lacks ? Evidence{.signal = Signal::NO_TIMESTAMPS,
                                      .observed = segment,
                                      .baseline = Values{field::has_timestamps(true)}}
                           : Evidence{.signal = Signal::DATA_TWICE, .observed = segment},
                     distance_evidence(ttl, usual)},
        .slot = slot,
    };
    if (observation.other_bytes) {
        finding.evidence.push_back(other_bytes_evidence(observation));
    }
    if (echo) {
        finding.evidence.push_back(echo_evidence(elsewhere.ip_id));
    }
    FindingUpdates().report(std::move(finding), findings_, sink);
}

/// Only the bytes differ: which of the two is the sender's own is unknown, unless one copies an
/// IP-ID.
void InjectedSegment::report_other_bytes(const Observation& observation, FindingSink& sink) {
    const fst_packet& packet = observation.event.packet;
    const fst_flow& slot = *observation.slot;
    const OtherBytes& other = *observation.other_bytes;
    const fst_direction& reader = slot.direction[(packet.direction & 1U) ^ 1U];
    const bool echo = sent(reader, packet.ip_id);
    const bool other_echoes = !echo && sent(reader, other.ip_id);
    const Phrase phrase = echo           ? Phrase::frames_differ_second_is_injected
                          : other_echoes ? Phrase::frames_differ_first_is_injected
                                         : Phrase::frames_differ;
    Finding finding{
        .kind = FindingKind::injected_segment,
        .verdict = echo || other_echoes ? highest_verdict(slot) : FST_VERDICT_SUSPECTED,
        .sighting = sighting_of(observation),
        .summary = {{.phrase = phrase,
                     .values = {field::other_frame(other.frame),
                                field::frame(observation.frame.value_or(0)),
                                field::sender(net::sender_of(packet))}}},
        .advice = {{.phrase = Phrase::look_for_box_at_distance}},
        .evidence = {other_bytes_evidence(observation)},
        .slot = slot,
    };
    if (echo || other_echoes) {
        finding.evidence.push_back(echo_evidence(echo ? packet.ip_id : other.ip_id));
    }
    FindingUpdates().report(std::move(finding), findings_, sink);
}

/// Linux gives a SYN-ACK the IP-ID 0; another kernel's random or global one equals the SYN's once
/// in 65,536. If the same side's data then has the IP-ID of the request, that is no coincidence.
void InjectedSegment::saw_fin(const Observation& observation, FindingSink& sink) {
    const fst_packet& packet = observation.event.packet;
    const ViewKey view = view_of(observation.event);
    const Handshakes::Handshake* handshake = handshakes_.of(view);
    if (packet.payload == 0 || handshake == nullptr || !handshake->syn_ack ||
        handshake->syn_ack->packet.direction != packet.direction) {
        return;
    }
    const fst_packet& answer = handshake->syn_ack->packet;
    const SynTracker::Attempt* attempt = syns_.answered_by(answer);
    const auto slot = slots_.read(view);
    if (attempt == nullptr || answer.ip_id <= 1 || attempt->latest.packet.ip_id != answer.ip_id ||
        !slot || !sent(slot->direction[(packet.direction & 1U) ^ 1U], packet.ip_id) ||
        !mark_reported(view)) {
        return;
    }
    Finding finding{
        .kind = FindingKind::injected_segment,
        .verdict = FST_VERDICT_SUSPECTED,
        .sighting = *handshake->syn_ack,
        .summary = {{.phrase = Phrase::answer_copies_ids,
                     .values = {field::sender(net::sender_of(packet))}}},
        .advice = {{.phrase = Phrase::look_for_answering_filter}},
        .evidence = {echo_evidence(answer.ip_id), echo_evidence(packet.ip_id)},
        .slot = *slot,
    };
    FindingUpdates updates;
    updates.report(finding, findings_, sink);
    finding.verdict = FST_VERDICT_CONFIRMED;
    finding.sighting = sighting_of(observation);
    updates.report(std::move(finding), findings_, sink);
}

std::unique_ptr<Detector> make_injected_segment(Tracking& tracking) {
    return std::make_unique<InjectedSegment>(tracking.syns, tracking.handshakes, tracking.slots,
                                             tracking.findings);
}

}  // namespace flowstamp::analysis
