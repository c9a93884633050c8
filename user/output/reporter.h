// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>

#include "user/analysis/finding.h"
#include "user/analysis/reset/middlebox.h"
#include "user/analysis/flow_record.h"
#include "user/output/stats.h"

namespace flowstamp::output {

/// Tells what was found, in one form or another, to an Output. Each call has written all that it
/// tells when it returns.
class Reporter {
  public:
    virtual ~Reporter() = default;
    /// What follows is about this capture file; empty: about all of them.
    virtual void capture(const std::string&) {}
    virtual void reset(const analysis::Reset& reset) = 0;
    virtual void finding(const analysis::Finding& finding) = 0;
    virtual void middlebox(const analysis::Middlebox& box) = 0;
    virtual void flow(const analysis::FlowRecord& record) = 0;
    /// Every 10 s.
    virtual void stats(const Stats& stats) = 0;
    /// The last word.
    virtual void summary(const Stats& stats) = 0;
};

}  // namespace flowstamp::output
