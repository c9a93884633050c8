// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>

#include "user/detect/forged_rst.h"
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

    void take(Observation observation);
    /// Time, as observations bear it, has come to `now`.
    void advance(Nanoseconds now);
    /// Nothing more will come.
    void finish();

    /// A flow at its end.
    void tell(FlowRecord record);

    /// Fills in what the detectors counted.
    void count(Stats& stats) const;

    void reset(const Reset& reset) override;
    void finding(const Finding& finding) override;

  private:
    Reporter& reporter_;
    std::optional<Filter> filter_;
    Aggregator aggregator_;
    Findings findings_;
    ForgedRst forged_rst_;
};

}  // namespace flowstamp
