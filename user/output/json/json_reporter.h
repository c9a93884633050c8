// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>

#include "user/output/json/json_events.h"
#include "user/output/sink.h"
#include "user/output/reporter.h"

namespace flowstamp::output {

/// One JSON object a line.
class JsonReporter final : public Reporter {
  public:
    explicit JsonReporter(Output& output) : output_(output) {}

    void capture(const std::string& file) override { capture_ = file; }
    void reset(const analysis::Reset& reset) override;
    void finding(const analysis::Finding& finding) override;
    void middlebox(const analysis::Middlebox& box) override;
    void flow(const analysis::FlowRecord& record) override;
    void stats(const Stats& stats) override;
    void summary(const Stats& stats) override;

  private:
    void write(Json event);

    Output& output_;
    std::string capture_{};  ///< empty: none
};

}  // namespace flowstamp::output
