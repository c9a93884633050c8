// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "user/base/result.h"
#include "user/output/event.h"
#include "user/output/report/report.h"

namespace flowstamp::output {

/// A finding in words; without `source`.
[[nodiscard]] ReportEntry entry_of(const analysis::Finding& finding);

/// Puts what a run reports into a Report: findings, doubted resets, boxes, incidents, totals. One
/// that is reported again takes the place of what was reported before.
class ReportEntries final : public Consumer {
  public:
    /// Beyond this many entries the rest is only counted.
    static constexpr std::size_t kMost = 2000;
    /// So many flows are drawn, those of the surest findings first.
    static constexpr std::size_t kFlowsMost = 60;

    /// `report` outlives it.
    explicit ReportEntries(Report& report) : report_(report) {}

    /// What follows is about this.
    void begin(ReportSource source) { report_.sources.push_back(std::move(source)); }

    void consume(const Event& event) override;
    /// One event of JSON lines; kinds that a page has no place for are passed over. False if it is
    /// no JSON object.
    [[nodiscard]] bool consume_line(std::string_view line);

    /// Chooses the flows to be drawn, and puts the surest entries first. Nothing may follow.
    void finish();

  private:
    using Id = std::tuple<std::size_t, std::string, std::uint64_t>;  ///< source, sort, id

    /// JSON lines of several captures name each.
    void begin_capture(const std::string& name);
    void put(std::string_view sort, ReportEntry entry);
    void put_text(std::vector<std::string>& texts, std::string_view sort, std::uint64_t id,
                  std::string text);
    void finding(const analysis::Finding& its);
    void reset(const analysis::Reset& its);
    void flow(const analysis::FlowRecord& its);
    void drop_told_resets();
    void choose_flows();

    Report& report_;
    std::map<Id, std::size_t> places_;  ///< in the report's lists
    struct Life {
        Nanoseconds from;
        Nanoseconds to;
    };
    std::map<std::pair<std::size_t, std::uint64_t>, Life> lives_;  ///< of flows with entries
    std::uint64_t too_many_ = 0;
};

}  // namespace flowstamp::output
