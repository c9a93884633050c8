// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include "user/analysis/findings.h"
#include "user/analysis/reset/challenge_tally.h"
#include "user/analysis/reset/signature_learner.h"
#include "user/analysis/slot_reader.h"
#include "user/analysis/this_host.h"
#include "user/analysis/tracking/both_ways.h"
#include "user/analysis/tracking/flow_views.h"
#include "user/analysis/tracking/handshakes.h"
#include "user/analysis/tracking/host_drops.h"
#include "user/analysis/tracking/host_memory.h"
#include "user/analysis/tracking/idle_periods.h"
#include "user/analysis/tracking/retransmissions.h"
#include "user/analysis/tracking/scans.h"
#include "user/analysis/tracking/syn_tracker.h"

namespace flowstamp::analysis {

/// State that the detectors share. It records an observation before any of them sees it, except
/// `hosts`, which learns afterwards: a packet is judged by what came before it.
struct Tracking {
    Tracking(const SlotReader& flow_table, PolicySink& policy,
             const ThisHost& this_host = kUnknownHost)
        : slots(flow_table), host(this_host), signatures(policy) {}

    void record(const Observation& observation) {
        both_ways.learn(observation);
        views.record(observation);
        syns.record(observation);
        scans.record(observation);
        handshakes.record(observation);
        idle_periods.record(observation);
        retransmissions.record(observation);
    }
    void advance(Nanoseconds now) {
        syns.advance(now);
        handshakes.advance(now);
        retransmissions.advance(now);
        signatures.advance(now);
    }

    const SlotReader& slots;
    const ThisHost& host;
    Findings findings{};
    BothWays both_ways{};
    FlowViews views{};
    HostDrops host_drops{};
    SynTracker syns{};
    IdlePeriods idle_periods{};
    Retransmissions retransmissions{};
    Scans scans{};
    HostMemory hosts{};
    Handshakes handshakes{};
    SignatureLearner signatures;
    ChallengeTally challenges{};
};

}  // namespace flowstamp::analysis
