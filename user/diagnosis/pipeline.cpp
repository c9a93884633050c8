// SPDX-License-Identifier: Apache-2.0
#include "user/diagnosis/pipeline.h"

#include <utility>

namespace flowstamp {

Pipeline::Pipeline(const Parts& parts, std::size_t max_flows, std::optional<Filter> filter)
    : reporter_(parts.reporter),
      filter_(std::move(filter)),
      aggregator_(max_flows),
      forged_rst_(parts.slots, parts.policy, findings_) {}

void Pipeline::take(Observation observation) {
    aggregator_.file(observation);
    forged_rst_.observe(observation, *this);
}

void Pipeline::advance(Nanoseconds now) {
    forged_rst_.advance(now, *this);
}

void Pipeline::finish() {
    forged_rst_.finish(*this);
}

void Pipeline::tell(FlowRecord record) {
    if (filter_ && !filter_->matches(record.slot.key)) {
        return;
    }
    const ViewKey view{record.slot_index, record.slot.generation, record.slot.key.ifindex};
    record.start = aggregator_.started(view);
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
    if (!filter_ || filter_->matches(finding.sighting.packet)) {
        reporter_.finding(finding);
    }
}

}  // namespace flowstamp
