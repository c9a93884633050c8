// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/session.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace flowstamp::analysis {

Session::Session(const Dependencies& dependencies, Options options)
    : dependencies_(dependencies),
      options_(std::move(options)),
      aggregator_(dependencies.datapath.slots()),
      tracking_(dependencies.datapath, dependencies.policy, dependencies.host),
      detectors_(make_detectors(tracking_)),
      local_drop_(tracking_.findings),
      ends_(dependencies.datapath.slots()) {}

Session::~Session() = default;

void Session::event(const fst_event& event, const fst_flow* flow, const Frame* frame) {
    const bool evicted = event.header.kind == FST_EVENT_EVICTED;
    if (flow != nullptr && (evicted || event.header.kind == FST_EVENT_ENDED)) {
        if (const auto end = ends_.lost_slot(event.slot, *flow, evicted)) {
            flow_ended(event.slot, *flow, *end);
        }
    }
    Observation observation;
    observation.event = event;
    if (flow != nullptr) {
        observation.slot = *flow;
    }
    observation.interface = dependencies_.interface_name(event.packet.key.ifindex);
    observation.wall = wall(observation.time());
    if (frame != nullptr) {
        observation.wall = frame->wall;
        observation.frame = frame->number;
        observation.other_bytes = frame->other_bytes;
    }
    observe(std::move(observation));
}

void Session::observe(Observation observation) {
    aggregator_.record(observation);
    tracking_.record(observation);
    if (tracking_.syns.begins_attempt(observation)) {
        middleboxes_.saw_attempt(net::receiver_of(observation.event.packet).port);
    }
    for (const auto& detector : detectors_) {
        detector->observe(observation, *this);
    }
    tracking_.hosts.learn(observation);
}

void Session::host_drop(const HostDrop& drop) {
    const LocalDrop::Told told = local_drop_.consume(drop, *this);
    tracking_.host_drops.record(drop.sighting.packet, told.finding);
    if (told.is_known && wants(drop.sighting.packet)) {
        incidents_.repeat(told.finding, drop.sighting, now_);
    }
}

Status Session::advance(Nanoseconds now) {
    if (!begun_) {
        begun_ = now;
        scanned_ = now;
        stats_due_ = now + kStatsEvery;
    }
    slots_allowed_ = std::min(slots_allowed_ + options_.slots_per_advance, kSlotsPerScan);
    if (now <= now_) {
        return {};  // a capture's clock may stand still
    }
    now_ = now;
    tracking_.advance(now);
    for (const auto& detector : detectors_) {
        detector->advance(now, *this);
    }
    report(middleboxes_.due(now));
    report(incidents_.due(now));
    if (const Nanoseconds since = now - scanned_; since >= options_.scan_every) {
        scanned_ = now;
        scan(since < kScanEvery ? kSlotsPerPortion : kSlotsPerScan);
    }
    if (options_.reports_stats && now >= stats_due_) {
        stats_due_ += kStatsEvery;
        auto stats = this->stats();
        if (!stats) {
            return std::unexpected(std::move(stats).error());
        }
        dependencies_.reports.consume(*std::move(stats));
    }
    return {};
}

void Session::scan(std::uint32_t most) {
    const std::uint32_t count = std::min(std::exchange(slots_allowed_, 0), most);
    next_slot_ = dependencies_.datapath.scan(
        next_slot_, count, [this](std::uint32_t slot, const fst_flow& flow) {
            scanning_[static_cast<std::size_t>(net::state_of(flow))]++;
            aggregator_.learn(slot, flow, options_.wall_offset);
            tracking_.both_ways.learn(flow);
            tracking_.hosts.inspect(slot, flow);
            if (const auto end = ends_.inspect(slot, flow, now_)) {
                flow_ended(slot, flow, *end);
            }
        });
    if (next_slot_ == 0 && count != 0) {
        flows_ = std::exchange(scanning_, {});
    }
}

Result<Stats> Session::finish() {
    for (const auto& detector : detectors_) {
        detector->finish(*this);
    }
    report(middleboxes_.all());
    report(incidents_.all());
    Datapath& datapath = dependencies_.datapath;
    datapath.scan(0, datapath.slots(), [this](std::uint32_t slot, const fst_flow& flow) {
        auto end = ends_.inspect(slot, flow, now_);
        if (!end) {
            end = ends_.at_the_end(slot, flow);
        }
        if (end) {
            flow_ended(slot, flow, *end);
        }
    });
    return stats();
}

Result<Stats> Session::stats() const {
    auto counted = dependencies_.datapath.stats();
    if (!counted) {
        return std::unexpected(std::move(counted).error());
    }
    Stats stats;
    static_cast<DatapathStats&>(stats) = *std::move(counted);
    stats.wall = std::max(wall(now_), Nanoseconds::zero());
    stats.uptime = begun_ ? now_ - *begun_ : Nanoseconds::zero();
    stats.challenges = tracking_.challenges;
    stats.findings_suspected = tracking_.findings.suspected();
    stats.findings_confirmed = tracking_.findings.confirmed();
    return stats;
}

Tallies Session::tallies() const {
    return {.findings = tracking_.findings.by_kind(), .resets = resets_, .flows = flows_};
}

Result<Sample> Session::sample() const {
    auto counted = stats();
    if (!counted) {
        return std::unexpected(std::move(counted).error());
    }
    Sample sample{.stats = *std::move(counted),
                  .incidents = incidents_.current(),
                  .middleboxes = middleboxes_.current()};
    for (Incident& incident : sample.incidents) {
        incident.wall = wall(now_);
    }
    mark_learned(sample.middleboxes);
    return sample;
}

void Session::flow_ended(std::uint32_t slot, const fst_flow& flow, FlowEnd end) {
    tracking_.hosts.learn_ended(flow);
    if (!wants(flow.key)) {
        return;
    }
    FlowRecord record{.slot = flow,
                      .slot_index = slot,
                      .interface = dependencies_.interface_name(flow.key.ifindex),
                      .end = end,
                      .wall = wall(now_),
                      .start = {},
                      .last = wall(FlowEnds::last_packet(flow))};
    aggregator_.complete(record);
    dependencies_.reports.consume(std::move(record));
}

std::vector<net::LearnedSignature> Session::learned() const {
    return tracking_.signatures.learned();
}

bool Session::wants(const fst_flow_key& key) const {
    return !options_.filter || options_.filter->matches(key);
}

bool Session::wants(const fst_packet& packet) const {
    return !options_.filter || options_.filter->matches(packet);
}

void Session::reset(const Reset& reset) {
    if (!reset.again) {
        resets_[reset.judgement.verdict % kVerdicts][reset.judgement.cause % kCauses.size()]++;
    }
    for (const auto& detector : detectors_) {
        detector->judged(reset, *this);
    }
    if (wants(reset.sighting.packet)) {
        dependencies_.reports.consume(reset);
    }
}

void Session::finding(const Finding& finding) {
    if (!wants(finding.sighting.packet)) {
        return;
    }
    Finding reported = finding;
    reported.middlebox = middleboxes_.record(finding);
    incidents_.record(reported, now_);
    dependencies_.reports.consume(std::move(reported));
}

void Session::mark_learned(std::vector<Middlebox>& boxes) const {
    if (boxes.empty()) {
        return;
    }
    const std::vector<net::LearnedSignature> known = learned();
    for (Middlebox& box : boxes) {
        box.is_learned = std::ranges::any_of(
            known, [&](const auto& learned) { return has_signature(box, learned.signature); });
    }
}

void Session::report(std::vector<Middlebox> boxes) {
    mark_learned(boxes);
    for (Middlebox& box : boxes) {
        dependencies_.reports.consume(std::move(box));
    }
}

void Session::report(std::vector<Incident> incidents) {
    for (Incident& incident : incidents) {
        incident.wall = wall(now_);
        dependencies_.reports.consume(std::move(incident));
    }
}

}  // namespace flowstamp::analysis
