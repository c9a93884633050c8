// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "user/base/result.h"
#include "user/detect/finding.h"
#include "user/flow/flow_record.h"
#include "user/report/stats.h"

namespace flowstamp {

/// Tells what was found, in one form or another. Each call is written out before it returns.
class Reporter {
  public:
    virtual ~Reporter() = default;
    virtual void finding(const Finding& finding) = 0;
    virtual void reset(const Reset& reset) = 0;
    virtual void flow(const FlowRecord& record) = 0;
    virtual void stats(const Stats& stats) = 0;
    /// Something the user has to know about the run itself: one line, without its end.
    virtual void notice(std::string_view line) = 0;
    /// The last word; `stats` are final.
    virtual void summary(const Stats& stats) = 0;
    /// Whether all could be written so far. EPIPE means that the reader has gone.
    [[nodiscard]] virtual Status health() const = 0;
};

}  // namespace flowstamp
