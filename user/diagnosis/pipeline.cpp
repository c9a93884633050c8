// SPDX-License-Identifier: Apache-2.0
#include "user/diagnosis/pipeline.h"

#include <algorithm>
#include <utility>

namespace flowstamp {

Pipeline::Pipeline(const Parts& parts, std::size_t max_flows, std::optional<Filter> filter)
    : reporter_(parts.reporter),
      filter_(std::move(filter)),
      aggregator_(max_flows),
      forged_rst_({parts.slots, hosts_, handshakes_, rests_, scans_, parts.policy, findings_}),
      syn_unanswered_(syns_, both_ways_, findings_),
      syn_refused_(hosts_, syns_, findings_),
      icmp_rejected_(parts.slots, findings_),
      stalled_(rests_, findings_),
      idle_timeout_(rests_, findings_),
      return_path_mismatch_(syns_, findings_),
      ttl_shift_(parts.slots, findings_),
      one_way_(findings_),
      injected_segment_(syns_, handshakes_, parts.slots, findings_),
      local_drop_(findings_),
      detectors_{&forged_rst_, &syn_unanswered_,  &syn_refused_,          &icmp_rejected_,
                 &stalled_,    &idle_timeout_,    &return_path_mismatch_, &ttl_shift_,
                 &one_way_,    &injected_segment_} {}

void Pipeline::take(Observation observation) {
    aggregator_.file(observation);
    both_ways_.learn(observation);
    syns_.file(observation);
    if (syns_.begins_attempt(observation)) {
        middleboxes_.saw_attempt(receiver_of(observation.event.packet).port);
    }
    scans_.file(observation);
    handshakes_.file(observation);
    if (const auto rest = rests_.file(observation)) {
        idle_timeout_.bore(observation, *rest, *this);
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
    tell(middleboxes_.due(now));
}

void Pipeline::finish() {
    for (Detector* detector : detectors_) {
        detector->finish(*this);
    }
    tell(middleboxes_.all());
}

void Pipeline::tell(std::vector<Middlebox> boxes) {
    const std::vector<Lesson> taught = lessons();
    for (Middlebox& box : boxes) {
        box.is_taught = std::ranges::any_of(
            taught, [&](const Lesson& lesson) { return bears(box, lesson.signature); });
        reporter_.middlebox(box);
    }
}

void Pipeline::tell(FlowRecord record) {
    hosts_.learn_ended(record.slot);
    if (filter_ && !filter_->matches(record.slot.key)) {
        return;
    }
    aggregator_.complete(record);
    reporter_.flow(record);
}

void Pipeline::count(Stats& stats) const {
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
    told.middlebox = middleboxes_.file(finding);
    reporter_.finding(told);
}

}  // namespace flowstamp
