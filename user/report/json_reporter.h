// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "user/report/output.h"
#include "user/report/reporter.h"

namespace flowstamp {

/// One JSON object a line.
class JsonReporter final : public Reporter {
  public:
    explicit JsonReporter(Output& output) : output_(output) {}

    void reset(const Reset& reset) override;
    void finding(const Finding& finding) override;
    void flow(const FlowRecord& record) override;
    void stats(const Stats& stats) override;
    void summary(const Stats& stats) override;

  private:
    Output& output_;
};

}  // namespace flowstamp
