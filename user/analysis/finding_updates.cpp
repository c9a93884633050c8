// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/finding_updates.h"

#include "user/net/identity.h"

namespace flowstamp::analysis {

void FindingUpdates::report(Finding finding, Findings& findings, FindingSink& sink) {
    const bool rises = !verdict_ || finding.verdict > *verdict_;
    const bool resolves = finding.resolution && !resolved_;
    if (!rises && !resolves) {
        return;
    }
    if (verdict_ && finding.verdict < *verdict_) {
        finding.verdict = *verdict_;
    }
    if (!verdict_) {
        id_ = findings.open();
    }
    finding.id = id_;
    finding.again = verdict_.has_value();
    findings.count(finding.kind, verdict_, finding.verdict);
    verdict_ = finding.verdict;
    resolved_ = resolved_ || finding.resolution.has_value();
    sink.finding(finding);
}

Sighting sighting_of(const Observation& observation) {
    return {.packet = observation.event.packet,
            .flow_id = net::flow_id(observation.event),
            .isn_id = observation.isn_id,
            .interface = observation.interface,
            .wall = observation.wall,
            .frame = observation.frame};
}

}  // namespace flowstamp::analysis
