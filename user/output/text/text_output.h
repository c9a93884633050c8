// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>
#include <string_view>

#include "user/output/event.h"
#include "user/output/sink.h"
#include "user/output/style.h"
#include "user/output/text/event_times.h"
#include "user/output/text/repeated_losses.h"

namespace flowstamp::output {

/// How much the text report contains.
enum class Detail {
    findings,  ///< findings and the final summary (--quiet)
    resets,    ///< also a line for each RST
    all,       ///< also ended flows and statistics (-v)
};

/// The text report: a line for each reset (a series of identical ones is reported once, with their
/// number), a block for each finding.
class TextOutput final : public Consumer {
  public:
    /// `summarize`: of an incident's findings only the first is whole, also where all is reported.
    TextOutput(Output& output, Style style, Detail detail, TimeForm times, bool summarize = false)
        : output_(output), style_(style), detail_(detail), times_(times), summarizes_(summarize) {}

    void consume(const Event& event) override;
    [[nodiscard]] bool wants(const Event& event) const override;
    void set_detail(Detail detail) { detail_ = detail; }

  private:
    void capture(const CaptureStart&) { is_replay_ = true; }
    void reset(const analysis::Reset& reset);
    void finding(const analysis::Finding& finding);
    void incident(const analysis::Incident& incident);
    void middlebox(const analysis::Middlebox& box);
    void flow(const analysis::FlowRecord& record);
    void stats(const analysis::Stats& stats);
    void summary(const analysis::Stats& stats);
    void interface(const net::InterfaceChange& change);
    void path(const pathtrace::PathReport& report);

    void write(std::string_view text);

    Output& output_;
    Style style_;
    Detail detail_;
    EventTimes times_;
    bool summarizes_;
    bool is_replay_ = false;
    RepeatedLosses losses_{};
    std::string last_what_{};   ///< the last reset's line without time and number; empty: none
    std::string last_table_{};  ///< the evidence reported last, of finding `table_of_`
    std::uint64_t table_of_ = 0;
    std::uint64_t repeats_ = 0;  ///< resets since then with the same line
};

}  // namespace flowstamp::output
