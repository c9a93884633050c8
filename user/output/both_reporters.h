// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include "user/output/reporter.h"

namespace flowstamp::output {

/// Tells everything to two reporters: a file for programs, a terminal for people.
class BothReporters final : public Reporter {
  public:
    /// Both outlive it.
    BothReporters(Reporter& first, Reporter& second) : first_(first), second_(second) {}

    void capture(const std::string& file) override { report(&Reporter::capture, file); }
    void reset(const analysis::Reset& reset) override { report(&Reporter::reset, reset); }
    void finding(const analysis::Finding& finding) override { report(&Reporter::finding, finding); }
    void middlebox(const analysis::Middlebox& box) override { report(&Reporter::middlebox, box); }
    void flow(const analysis::FlowRecord& record) override { report(&Reporter::flow, record); }
    void stats(const Stats& stats) override { report(&Reporter::stats, stats); }
    void summary(const Stats& stats) override { report(&Reporter::summary, stats); }

  private:
    template <class Event>
    void report(void (Reporter::*method)(const Event&), const Event& event) {
        (first_.*method)(event);
        (second_.*method)(event);
    }

    Reporter& first_;
    Reporter& second_;
};

}  // namespace flowstamp::output
