// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/compare/findings.h"

#include <algorithm>
#include <string>

#include "flowstamp/hops.h"
#include "user/analysis/compare/changes.h"
#include "user/net/endpoint.h"
#include "user/net/identity.h"

namespace flowstamp::analysis::compare {

namespace {

fst_packet packet_of(const SeenPacket& seen, const View& view) {
    fst_packet packet{};
    packet.time_ns = static_cast<__u64>(seen.time_ns);
    packet.key = view.key;
    packet.seq = seen.seq;
    packet.ack = seen.ack;
    packet.payload = seen.payload;
    packet.ip_bytes = seen.header_words * 4U + seen.payload;
    packet.ip_id = seen.ip_id;
    packet.window = seen.window;
    packet.segments = 1;
    // The record has no MAC address.
    packet.flags = static_cast<__u16>(seen.flags & ~FST_PACKET_MAC);
    packet.direction = seen.way & 1U;
    packet.ttl = seen.ttl;
    packet.tcp_flags = seen.tcp_flags;
    packet.tos = seen.tos;
    return packet;
}

/// A direction's latest stamps up to that time, as the data path keeps them.
void keep_stamps(fst_direction& direction, Packets packets, std::int64_t until_ns) {
    const auto end = std::ranges::upper_bound(packets, until_ns, {}, &SeenPacket::time_ns);
    const auto count = std::min<std::ptrdiff_t>(end - packets.begin(), FST_RING_STAMPS);
    fst_stamp* stamp = direction.ring;
    for (auto its = end - count; its != end; ++its, ++stamp) {
        *stamp = {.time_us = static_cast<__u32>(its->time_ns / 1000),
                  .ip_id = its->ip_id,
                  .ttl = its->ttl,
                  .tcp_flags = its->tcp_flags};
        direction.last_ns = static_cast<__u64>(its->time_ns);
    }
}

std::string short_name(const std::string& file) {
    return file.substr(file.find_last_of('/') + 1);
}

unsigned sender_capture(const Way& way) {
    return way.goes_to_b ? 0 : 1;
}

/// The TTL that most of the other received packets have; 0 if there are none.
std::uint8_t usual_ttl(const Way& way) {
    std::array<std::uint32_t, 256> counts{};
    for (const Pair& pair : way.pairs) {
        counts[way.received.front()[pair.b].ttl]++;
    }
    const auto most = std::ranges::max_element(counts);
    return *most == 0 ? 0 : static_cast<std::uint8_t>(most - counts.begin());
}

}  // namespace

std::string FindingWriter::name_of(unsigned capture) const {
    const std::string& file = captures_[capture]->file();
    const bool is_one_name = short_name(file) == short_name(captures_[capture ^ 1U]->file());
    return is_one_name ? file : short_name(file);
}

Finding FindingWriter::about(FindingKind kind, const Joined& joined, const Way& way,
                             unsigned capture, std::uint32_t index) const {
    const Recording& recording = *captures_[capture];
    const std::uint32_t its = joined.main(capture);
    const View& view = recording.views()[its];
    const unsigned direction = joined.direction_of(capture, 0, way.direction);
    const SeenPacket& seen = recording.packets(its, direction)[index];
    Finding finding;
    finding.kind = kind;
    finding.verdict = FST_VERDICT_PROVEN;
    finding.direction = way.goes_to_b ? PathDirection::a_to_b : PathDirection::b_to_a;
    finding.sighting = {.packet = packet_of(seen, view),
                        .flow_id = net::flow_id(view.key, its, capture),
                        .isn_id = std::nullopt,
                        .interface = name_of(capture),
                        .wall = Nanoseconds(seen.time_ns),
                        .frame = seen.frame};
    if (view.isn[0] && view.isn[1]) {
        finding.sighting.isn_id = net::isn_id(*view.isn[0], *view.isn[1]);
    }
    finding.slot.key = view.key;
    for (unsigned end = 0; end < 2; end++) {
        keep_stamps(finding.slot.direction[end], recording.packets(its, end), seen.time_ns);
        if (view.isn[end]) {
            finding.slot.isn[end] = *view.isn[end];
            const Packets packets = recording.packets(its, end);
            const bool opens = !packets.empty() && (packets.front().tcp_flags & FST_TCP_SYN) &&
                               !(packets.front().tcp_flags & FST_TCP_ACK);
            finding.slot.state |= opens ? FST_OF(FST_FLOW_SYN, end) : 0;
        }
    }
    finding.advice = {{.phrase = Phrase::look_between, .values = {}}};
    return finding;
}

Values FindingWriter::names(const Joined& joined, const Way& way, unsigned capture) const {
    const unsigned from = sender_capture(way);
    const unsigned sender = joined.direction_of(capture, 0, way.direction);
    const fst_flow_key& key = captures_[capture]->views()[joined.main(capture)].key;
    return {field::sender(net::end_of(key, sender)), field::sender_ip(net::end_of(key, sender)),
            field::receiver(net::end_of(key, sender ^ 1U)), field::sent_at(name_of(from)),
            field::received_at(name_of(from ^ 1U))};
}

std::optional<Finding> FindingWriter::forged(
    const Joined& joined, const Way& way, const WayClock& clock,
    const std::vector<std::pair<std::uint32_t, Proof>>& resets) const {
    if (resets.empty()) {
        return std::nullopt;
    }
    const auto& [index, proof] = resets.front();
    Finding finding = about(FindingKind::forged_rst, joined, way, sender_capture(way) ^ 1U, index);
    finding.resets = static_cast<std::uint32_t>(resets.size());
    finding.count = resets.size();
    const SeenPacket& reset = way.received.front()[index];
    const Values names = this->names(joined, way, sender_capture(way) ^ 1U);
    finding.summary.push_back({.phrase = Phrase::reset_never_sent, .values = names});
    finding.evidence.push_back({.signal = Signal::NEVER_SENT,
                                .observed = {field::seq(reset.seq), field::ttl(reset.ttl),
                                             field::hops(fst_hops(reset.ttl))},
                                .baseline = Values{field::packets(proof.others)}});
    if (proof.went_on_ns) {
        const Nanoseconds later(*proof.went_on_ns - clock.at_sender(reset.time_ns));
        finding.summary.push_back(
            {.phrase = Phrase::sender_went_on, .values = names.with(field::later(later))});
        finding.evidence.push_back({.signal = Signal::WENT_ON,
                                    .observed = {field::later(later)},
                                    .baseline = std::nullopt});
    }
    const std::uint8_t usual = usual_ttl(way);
    const auto between = hops_of(way);
    if (usual != 0 && between && fst_hops(reset.ttl) < fst_hops(usual)) {
        finding.summary.push_back(
            {.phrase = Phrase::made_hops_away,
             .values =
                 names.with(field::hops(fst_hops(reset.ttl))).with(field::base_hops(*between))});
        finding.evidence.push_back(
            {.signal = Signal::NEARER,
             .observed = {field::ttl(reset.ttl), field::hops(fst_hops(reset.ttl))},
             .baseline = Values{field::ttl(usual), field::hops(fst_hops(usual))}});
    }
    return finding;
}

std::optional<Finding> FindingWriter::injected(const Joined& joined, const Way& way,
                                               const std::vector<std::uint32_t>& packets,
                                               const Proof& proof, DataSign sign) const {
    Finding finding = about(FindingKind::injected_segment, joined, way, sender_capture(way) ^ 1U,
                            packets.front());
    finding.count = packets.size();
    std::uint64_t bytes = 0;
    for (const std::uint32_t index : packets) {
        bytes += way.received.front()[index].length();
    }
    const Phrase phrase = sign == DataSign::never_sent    ? Phrase::data_never_sent
                          : sign == DataSign::other_bytes ? Phrase::data_is_other
                                                          : Phrase::data_sent_later;
    finding.summary.push_back(
        {.phrase = phrase,
         .values = names(joined, way, sender_capture(way) ^ 1U).with(field::payload(bytes))});
    const SeenPacket& first = way.received.front()[packets.front()];
    const Signal signal = sign == DataSign::never_sent    ? Signal::NEVER_SENT
                          : sign == DataSign::other_bytes ? Signal::OTHER_BYTES
                                                          : Signal::SENT_LATER;
    finding.evidence.push_back(
        {.signal = signal,
         .observed = {field::seq(first.seq), field::payload(bytes), field::ttl(first.ttl),
                      field::hops(fst_hops(first.ttl))},
         .baseline = Values{field::packets(proof.others)}});
    return finding;
}

std::optional<Finding> FindingWriter::eaten(const Joined& joined, const Way& way,
                                            const WayFacts& facts, const Lost& lost) const {
    Finding finding =
        about(FindingKind::eaten, joined, way, sender_capture(way), lost.packets.front());
    finding.count = lost.packets.size();
    const auto with_bytes = [&](const Values& values) {
        return lost.bytes == 0 ? values : values.with(field::payload(lost.bytes));
    };
    const Packets sent = way.sent.front();
    const Phrase phrase = lost.is_reset       ? Phrase::eaten_reset
                          : lost.is_all_after ? Phrase::eaten_from_here_on
                                              : Phrase::eaten_some;
    finding.summary.push_back(
        {.phrase = phrase,
         .values = with_bytes(
             names(joined, way, sender_capture(way)).with(field::packets(lost.packets.size())))});
    const Nanoseconds span(sent[lost.packets.back()].time_ns - sent[lost.packets.front()].time_ns);
    finding.evidence.push_back(
        {.signal = Signal::NEVER_RECEIVED,
         .observed = with_bytes({field::packets(lost.packets.size()), field::span(span)}),
         .baseline = Values{field::packets(facts.receiver.has)}});
    return finding;
}

std::optional<Finding> FindingWriter::changed(const Joined& joined,
                                              const std::array<std::optional<Way>, 2>& ways) const {
    Changes all;
    const Way* first = nullptr;
    const View& at_a = captures_[0]->views()[joined.main(0)];
    const View& at_b = captures_[1]->views()[joined.main(1)];
    const auto add = [&](Changes changes, const Way& way) {
        if (!changes.evidence.empty()) {
            first = first == nullptr ? &way : first;
            std::ranges::move(changes.evidence, std::back_inserter(all.evidence));
            std::ranges::move(changes.summary, std::back_inserter(all.summary));
        }
    };
    for (const auto& way : ways) {
        const unsigned end = way->direction;  // the sender's in A's key
        const unsigned end_there = joined.direction_of(1, 0, end);
        const bool to_b = way->goes_to_b;
        add(to_b ? translation_of(at_a, end, at_b, end_there)
                 : translation_of(at_b, end_there, at_a, end),
            *way);
        add(to_b ? changes_of(*way, at_a, end, at_b, end_there)
                 : changes_of(*way, at_b, end_there, at_a, end),
            *way);
    }
    if (first == nullptr || first->received.front().empty()) {
        return std::nullopt;
    }
    Finding finding = about(FindingKind::changed, joined, *first, sender_capture(*first) ^ 1U, 0);
    finding.direction.reset();  // both may be meant
    finding.summary.push_back(
        {.phrase = Phrase::changed_between, .values = names(joined, *first, 0)});
    std::ranges::move(all.summary, std::back_inserter(finding.summary));
    finding.evidence = std::move(all.evidence);
    finding.advice.clear();
    return finding;
}

void FindingWriter::number(Finding& finding) {
    finding.id = next_id_++;
}

}  // namespace flowstamp::analysis::compare
