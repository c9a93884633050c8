// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "user/analysis/tracking/both_ways.h"
#include "user/analysis/reset/forged_rst.h"
#include "user/analysis/tracking/host_memory.h"
#include "user/analysis/connection/icmp_rejected.h"
#include "user/analysis/connection/idle_timeout.h"
#include "user/analysis/connection/injected_segment.h"
#include "user/analysis/connection/local_drop.h"
#include "user/analysis/reset/middleboxes.h"
#include "user/analysis/connection/one_way.h"
#include "user/analysis/connection/return_path_mismatch.h"
#include "user/analysis/connection/stalled.h"
#include "user/analysis/connection/syn_refused.h"
#include "user/analysis/connection/syn_unanswered.h"
#include "user/analysis/connection/ttl_shift.h"
#include "user/analysis/aggregator.h"
#include "user/net/filter.h"
#include "user/output/reporter.h"

namespace flowstamp::analysis {

/// Observations -> flows -> detectors -> findings -> a reporter. Knows nothing of where the
/// observations come from.
class Pipeline final : public FindingSink {
  public:
    struct Parts {
        const SlotReader& slots;
        PolicySink& policy;
        output::Reporter& reporter;
    };
    /// `max_flows`: of how many flows more than their slot is remembered. `filter` limits what is
    /// told, not what is judged. `parts` outlive the pipeline.
    Pipeline(const Parts& parts, std::size_t max_flows, std::optional<net::Filter> filter);
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;
    ~Pipeline() override = default;

    void consume(Observation observation);
    /// What the kernel's path tells, where it is asked.
    void consume(const HostDrop& drop) { local_drop_.consume(drop, *this); }
    /// Time, as observations bear it, has come to `now`.
    void advance(Nanoseconds now);
    /// Nothing more will come.
    void finish();

    /// A flow that is under way, as a look at its slot shows it.
    void inspect(std::uint32_t slot, const fst_flow& flow) {
        both_ways_.learn(flow);
        hosts_.inspect(slot, flow);
    }
    /// A flow at its end.
    void report(FlowRecord record);

    /// What was taught, and when, for `flows --taught`.
    [[nodiscard]] std::vector<net::LearnedSignature> learned() const { return forged_rst_.learned(); }

    /// Fills in what the detectors counted.
    void count(output::Stats& stats) const;

    void reset(const Reset& reset) override;
    void finding(const Finding& finding) override;

  private:
    void report(std::vector<Middlebox> boxes);

    output::Reporter& reporter_;
    std::optional<net::Filter> filter_;
    Aggregator aggregator_;

    // What detectors share, filed before they see an observation.
    Findings findings_;
    BothWays both_ways_;
    SynTracker syns_;
    IdlePeriods idle_periods_;
    Scans scans_;
    HostMemory hosts_;
    Handshakes handshakes_;
    Middleboxes middleboxes_;

    ForgedRst forged_rst_;
    SynUnanswered syn_unanswered_;
    SynRefused syn_refused_;
    IcmpRejected icmp_rejected_;
    Stalled stalled_;
    IdleTimeout idle_timeout_;
    ReturnPathMismatch return_path_mismatch_;
    TtlShift ttl_shift_;
    OneWay one_way_;
    InjectedSegment injected_segment_;
    LocalDrop local_drop_;
    std::array<Detector*, 10> detectors_;
};

}  // namespace flowstamp::analysis
