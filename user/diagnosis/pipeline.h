// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "user/detect/both_ways.h"
#include "user/detect/forged_rst.h"
#include "user/detect/host_memory.h"
#include "user/detect/icmp_rejected.h"
#include "user/detect/idle_timeout.h"
#include "user/detect/injected_segment.h"
#include "user/detect/local_drop.h"
#include "user/detect/middleboxes.h"
#include "user/detect/one_way.h"
#include "user/detect/return_path_mismatch.h"
#include "user/detect/stalled.h"
#include "user/detect/syn_refused.h"
#include "user/detect/syn_unanswered.h"
#include "user/detect/ttl_shift.h"
#include "user/flow/aggregator.h"
#include "user/flow/filter.h"
#include "user/report/reporter.h"

namespace flowstamp {

/// Observations -> flows -> detectors -> findings -> a reporter. Knows nothing of where the
/// observations come from.
class Pipeline final : public FindingSink {
  public:
    struct Parts {
        const SlotReader& slots;
        PolicySink& policy;
        Reporter& reporter;
    };
    /// `max_flows`: of how many flows more than their slot is remembered. `filter` limits what is
    /// told, not what is judged. `parts` outlive the pipeline.
    Pipeline(const Parts& parts, std::size_t max_flows, std::optional<Filter> filter);
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;
    ~Pipeline() override = default;

    void take(Observation observation);
    /// What the kernel's path tells, where it is asked.
    void take(const HostDrop& drop) { local_drop_.take(drop, *this); }
    /// Time, as observations bear it, has come to `now`.
    void advance(Nanoseconds now);
    /// Nothing more will come.
    void finish();

    /// A flow that is under way, as a look at its slot shows it.
    void look(std::uint32_t slot, const fs_flow& flow) {
        both_ways_.learn(flow);
        hosts_.look(slot, flow);
    }
    /// A flow at its end.
    void tell(FlowRecord record);

    /// What was taught, and when, for `flows --taught`.
    [[nodiscard]] std::vector<Lesson> lessons() const { return forged_rst_.lessons(); }

    /// Fills in what the detectors counted.
    void count(Stats& stats) const;

    void reset(const Reset& reset) override;
    void finding(const Finding& finding) override;

  private:
    void tell(std::vector<Middlebox> boxes);

    Reporter& reporter_;
    std::optional<Filter> filter_;
    Aggregator aggregator_;

    // What detectors share, filed before they see an observation.
    Findings findings_;
    BothWays both_ways_;
    SynBook syns_;
    Rests rests_;
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

}  // namespace flowstamp
