// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "user/base/signals.h"
#include "user/output/live_block.h"
#include "user/output/text/path_view.h"
#include "user/output/text/text_output.h"

namespace flowstamp::output {

/// For a terminal: TextOutput's reports, and below them a live view of the stations, redrawn in
/// place.
class PathLive final : public Consumer {
  public:
    static constexpr Nanoseconds kBetween = std::chrono::milliseconds(500);
    /// At least this between drawings, however much is reported: a slow terminal must not delay the
    /// reading of events.
    static constexpr Nanoseconds kAtLeast = std::chrono::milliseconds(100);

    PathLive(Output& terminal, Style style, TimeForm times, bool losses_only, std::string filter)
        : terminal_(terminal),
          text_(terminal, style, losses_only ? Detail::findings : Detail::resets, times),
          style_(style),
          rates_(std::move(filter)),
          block_(terminal) {}

    void consume(const Event& event) override;

    /// Whether draw() is due: every kBetween, or after a report, but at least kAtLeast apart.
    [[nodiscard]] bool is_due(Nanoseconds now) const;
    void draw(pathtrace::PathSample sample, Nanoseconds now);
    /// To be called before anything else is written to the terminal.
    void make_way();

    /// Readable after Ctrl-Z: then call suspend(), which returns when the process is continued.
    [[nodiscard]] int suspending() const { return suspend_.descriptor(); }
    void suspend();

  private:
    Output& terminal_;
    TextOutput text_;
    Style style_;
    PathRates rates_;
    LiveBlock block_;
    SuspendSignal suspend_;
    Nanoseconds drawn_{0};
    Nanoseconds due_{0};
};

}  // namespace flowstamp::output
