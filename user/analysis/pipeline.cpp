// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/pipeline.h"

#include <algorithm>
#include <utility>

namespace flowstamp::analysis {

Pipeline::Pipeline(const Parts& parts, std::size_t max_flows, std::optional<net::Filter> filter)
    : reporter_(parts.reporter),
      filter_(std::move(filter)),
      aggregator_(max_flows),
      forged_rst_({parts.slots, hosts_, handshakes_, idle_periods_, scans_, parts.policy, findings_}),
      syn_unanswered_(syns_, both_ways_, findings_),
      syn_refused_(hosts_, syns_, findings_),
      icmp_rejected_(parts.slots, findings_),
      stalled_(idle_periods_, findings_),
      idle_timeout_(idle_periods_, findings_),
      return_path_mismatch_(syns_, findings_),
      ttl_shift_(parts.slots, findings_),
      one_way_(findings_),
      injected_segment_(syns_, handshakes_, parts.slots, findings_),
      local_drop_(findings_),
      detectors_{&forged_rst_, &syn_unanswered_,  &syn_refused_,          &icmp_rejected_,
                 &stalled_,    &idle_timeout_,    &return_path_mismatch_, &ttl_shift_,
                 &one_way_,    &injected_segment_} {}

void Pipeline::consume(Observation observation) {
    aggregator_.record(observation);
    both_ways_.learn(observation);
    syns_.record(observation);
    if (syns_.begins_attempt(observation)) {
        middleboxes_.saw_attempt(net::receiver_of(observation.event.packet).port);
    }
    scans_.record(observation);
    handshakes_.record(observation);
    if (const auto rest = idle_periods_.record(observation)) {
        idle_timeout_.survived(observation, *rest, *this);
    }
    for (Detector* detector : detectors_) {
        detector->observe(observation, *this);
    }
    hosts_.learn(observation);
}

void Pipeline::advance(Nanoseconds now) {
    syns_.advance(now);
    for (Detector* detector : detectors_) {
        detector->advance(now, *this);
    }
    report(middleboxes_.due(now));
}

void Pipeline::finish() {
    for (Detector* detector : detectors_) {
        detector->finish(*this);
    }
    report(middleboxes_.all());
}

void Pipeline::report(std::vector<Middlebox> boxes) {
    const std::vector<net::LearnedSignature> known = learned();
    for (Middlebox& box : boxes) {
        box.is_learned = std::ranges::any_of(
            known, [&](const net::LearnedSignature& learned) { return bears(box, learned.signature); });
        reporter_.middlebox(box);
    }
}

void Pipeline::report(FlowRecord record) {
    hosts_.learn_ended(record.slot);
    if (filter_ && !filter_->matches(record.slot.key)) {
        return;
    }
    aggregator_.complete(record);
    reporter_.flow(record);
}

void Pipeline::count(output::Stats& stats) const {
    stats.challenges = forged_rst_.challenges();
    stats.findings_suspected = findings_.suspected();
    stats.findings_confirmed = findings_.confirmed();
}

void Pipeline::reset(const Reset& reset) {
    if (!filter_ || filter_->matches(reset.sighting.packet)) {
        reporter_.reset(reset);
    }
}

void Pipeline::finding(const Finding& finding) {
    if (filter_ && !filter_->matches(finding.sighting.packet)) {
        return;
    }
    Finding told = finding;
    told.middlebox = middleboxes_.record(finding);
    reporter_.finding(told);
}

}  // namespace flowstamp::analysis
