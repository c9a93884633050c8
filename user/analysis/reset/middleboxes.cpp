// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/reset/middleboxes.h"

#include <algorithm>

#include "flowstamp/hops.h"
#include "user/net/endpoint.h"
#include "user/net/names.h"

namespace flowstamp::analysis {

namespace {

bool has_signal(const Finding& finding, fst_signal signal) {
    return (finding.signals & FST_SIGNAL_BIT(signal)) != 0;
}

FieldHabit::Kind id_kind(const Finding& finding) {
    const fst_packet& packet = finding.sighting.packet;
    if (packet.flags & FST_PACKET_IPV6) {
        return FieldHabit::Kind::absent;
    }
    if (has_signal(finding, FST_SIGNAL_ID_ECHO)) {
        return FieldHabit::Kind::echo;
    }
    return packet.ip_id == 0 ? FieldHabit::Kind::zero : FieldHabit::Kind::fixed;
}

FieldHabit::Kind window_kind(const Finding& finding) {
    if (has_signal(finding, FST_SIGNAL_WINDOW_ECHO)) {
        return FieldHabit::Kind::echo;
    }
    return finding.sighting.packet.window == 0 ? FieldHabit::Kind::zero : FieldHabit::Kind::fixed;
}

/// Without a sign of another path, its TTL is that of the side in whose name it comes: copied, as far
/// as anyone can tell, and no sign of where the box stands.
FieldHabit::Kind ttl_kind(const Finding& finding) {
    constexpr std::uint64_t kOtherPath =
        FST_SIGNAL_BIT(FST_SIGNAL_NEARER) | FST_SIGNAL_BIT(FST_SIGNAL_FARTHER) |
        FST_SIGNAL_BIT(FST_SIGNAL_TTL_BASE) | FST_SIGNAL_BIT(FST_SIGNAL_ONE_HOP);
    const bool is_reset = finding.kind == FindingKind::forged_rst;
    return is_reset && !(finding.signals & kOtherPath) ? FieldHabit::Kind::genuine
                                                       : FieldHabit::Kind::fixed;
}

std::optional<Mac> mac_of(const fst_packet& packet) {
    return packet.flags & FST_PACKET_MAC ? std::optional(std::to_array(packet.src_mac))
                                         : std::nullopt;
}

/// A fixed value stays fixed until another one is seen.
void learn(FieldHabit& habit, std::uint16_t value) {
    if (habit.kind == FieldHabit::Kind::fixed && habit.value != value) {
        habit = {FieldHabit::Kind::changes, 0};
    }
}

FieldHabit habit_of(FieldHabit::Kind kind, std::uint16_t value) {
    return {kind, kind == FieldHabit::Kind::fixed ? value : std::uint16_t{0}};
}

}  // namespace

void Middleboxes::saw_attempt(std::uint16_t port) {
    constexpr std::size_t kPorts = 65536;
    if (attempts_.empty()) {
        attempts_.resize(kPorts);
    }
    attempts_[port]++;
}

Middleboxes::Traits Middleboxes::traits_of(const Finding& finding) {
    const fst_packet& packet = finding.sighting.packet;
    const bool copies_ttl = ttl_kind(finding) == FieldHabit::Kind::genuine;
    return {packet.key.ifindex, copies_ttl ? std::uint8_t{0} : fst_hops(packet.ttl),
            packet.tcp_flags,   (packet.flags & FST_PACKET_DF) != 0,
            id_kind(finding),   window_kind(finding),
            mac_of(packet)};
}

Middleboxes::Entry& Middleboxes::entry_of(const Traits& traits, const Finding& finding) {
    if (const auto known = boxes_.find(traits); known != boxes_.end()) {
        return known->second;
    }
    if (boxes_.size() >= kMost) {
        boxes_.erase(std::ranges::min_element(boxes_, {},
                                              [](const auto& known) { return known.second.last; }));
    }
    const fst_packet& packet = finding.sighting.packet;
    Entry& entry = boxes_[traits];
    Middlebox& box = entry.box;
    box.id = ++last_id_;
    box.interface = finding.sighting.interface;
    box.hops = fst_hops(packet.ttl);
    box.tcp_flags = packet.tcp_flags;
    box.ttl = habit_of(ttl_kind(finding), packet.ttl);
    box.ip_id = habit_of(id_kind(finding), packet.ip_id);
    box.window = habit_of(window_kind(finding), packet.window);
    box.mac = mac_of(packet);
    box.first = finding.sighting.wall;
    return entry;
}

void Middleboxes::count(Entry& entry, const Finding& finding, const Counted& counted) {
    const fst_packet& packet = finding.sighting.packet;
    Middlebox& box = entry.box;
    learn(box.ttl, packet.ttl);
    learn(box.ip_id, packet.ip_id);
    learn(box.window, packet.window);
    box.mac_is_foreign = has_signal(finding, FST_SIGNAL_MAC_FOREIGN);
    box.segments += counted.segments;
    if (!counted.is_first) {
        return;
    }
    box.flows++;
    box.stages.at(static_cast<std::size_t>(counted.stage))++;
    if (entry.ports.size() < kPortsKept || entry.ports.contains(counted.port)) {
        entry.ports[counted.port]++;
    }
}

void Middleboxes::uncount(std::uint64_t finding) {
    const auto known = counted_.find(finding);
    if (known == counted_.end()) {
        return;
    }
    const Counted counted = known->second;
    counted_.erase(known);
    const auto place = boxes_.find(counted.traits);
    if (place == boxes_.end()) {
        return;
    }
    Middlebox& box = place->second.box;
    box.segments -= counted.segments;
    place->second.has_changed = true;
    if (!counted.is_first) {
        return;
    }
    box.flows--;
    box.stages.at(static_cast<std::size_t>(counted.stage))--;
    const auto port = place->second.ports.find(counted.port);
    if (port != place->second.ports.end() && --port->second == 0) {
        place->second.ports.erase(port);
    }
}

std::optional<std::uint64_t> Middleboxes::record(const Finding& finding) {
    const bool shows_box =
        finding.kind == FindingKind::forged_rst || finding.kind == FindingKind::injected_segment;
    if (!shows_box || has_signal(finding, FST_SIGNAL_MADE_HERE) ||
        finding.verdict != FST_VERDICT_CONFIRMED || finding.resolution == Resolution::withdrawn) {
        uncount(finding.id);
        return std::nullopt;
    }
    const std::uint32_t segments = std::max(finding.resets, 1U);
    if (const auto known = counted_.find(finding.id); known != counted_.end()) {
        const auto place = boxes_.find(known->second.traits);
        if (place == boxes_.end()) {
            return std::nullopt;
        }
        place->second.box.segments += segments - std::min(segments, known->second.segments);
        known->second.segments = std::max(segments, known->second.segments);
        return place->second.box.id;
    }
    const Traits traits = traits_of(finding);
    const unsigned server = net::opener_of(finding.slot) ^ 1U;
    Entry& entry = entry_of(traits, finding);
    const bool is_known = entry.flows.contains(finding.sighting.flow_id);
    if (entry.flows.size() < kFlowsKept) {
        entry.flows.insert(finding.sighting.flow_id);
    }
    const Counted counted{.traits = traits,
                          .segments = segments,
                          .port = net::end_of(finding.sighting.packet.key, server).port,
                          .stage = stage_of(finding.slot).value_or(HandshakeStage::later),
                          .is_first = !is_known};
    count(entry, finding, counted);
    entry.box.last = finding.sighting.wall;
    entry.last = Nanoseconds(static_cast<std::int64_t>(finding.sighting.packet.time_ns));
    entry.has_changed = true;
    counted_.emplace(finding.id, counted);
    if (counted_.size() > kFindings) {
        counted_.erase(counted_.begin());
    }
    return entry.box.id;
}

Middlebox Middleboxes::described(const Entry& entry) const {
    Middlebox report = entry.box;
    report.again = entry.reported;
    std::vector<std::pair<std::uint16_t, std::uint64_t>> ports(entry.ports.begin(),
                                                               entry.ports.end());
    std::ranges::stable_sort(ports, std::ranges::greater{},
                             &std::pair<std::uint16_t, std::uint64_t>::second);
    ports.resize(std::min(ports.size(), kPortsReported));
    for (const auto& [port, flows] : ports) {
        const std::uint64_t seen = attempts_.empty() ? 0 : attempts_[port];
        report.ports.push_back({port, flows, std::max(seen, flows)});
    }
    return report;
}

Middlebox Middleboxes::report(Entry& entry) const {
    Middlebox report = described(entry);
    entry.reported = true;
    entry.has_changed = false;
    return report;
}

std::vector<Middlebox> Middleboxes::due(Nanoseconds now) {
    std::vector<Middlebox> found;
    if (now < due_) {
        return found;
    }
    const bool is_first_call = due_ == Nanoseconds::zero();
    due_ = now + kReportEvery;
    if (is_first_call) {
        return found;
    }
    for (auto& [traits, entry] : boxes_) {
        if (entry.has_changed && entry.box.flows != 0) {
            found.push_back(report(entry));
        }
    }
    std::ranges::sort(found, {}, &Middlebox::id);
    return found;
}

std::vector<Middlebox> Middleboxes::all() {
    std::vector<Middlebox> found;
    for (auto& [traits, entry] : boxes_) {
        if (entry.box.flows != 0) {
            found.push_back(report(entry));
        }
    }
    std::ranges::sort(found, {}, &Middlebox::id);
    return found;
}

std::vector<Middlebox> Middleboxes::current() const {
    std::vector<Middlebox> now;
    for (const auto& [traits, entry] : boxes_) {
        if (entry.box.flows != 0) {
            now.push_back(described(entry));
        }
    }
    std::ranges::sort(now, {}, &Middlebox::id);
    return now;
}

}  // namespace flowstamp::analysis
