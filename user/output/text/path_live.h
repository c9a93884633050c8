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

/// For people at a terminal: TextOutput's blocks as they come, and below them a view of the stations,
/// drawn anew in place.
class PathLive final : public Consumer {
  public:
    static constexpr Nanoseconds kBetween = std::chrono::milliseconds(500);
    /// Not more often than that, however much is told: a slow terminal must not hold up reading.
    static constexpr Nanoseconds kAtLeast = std::chrono::milliseconds(100);

    PathLive(Output& terminal, Style style, bool losses_only, std::string filter)
        : terminal_(terminal),
          text_(terminal, style, losses_only ? Detail::findings : Detail::resets),
          style_(style),
          rates_(std::move(filter)),
          block_(terminal) {}

    void consume(const Event& event) override;

    /// Whether draw() is due: twice a second, and when something was told, within reason.
    [[nodiscard]] bool is_due(Nanoseconds now) const;
    void draw(pathtrace::PathSample sample, Nanoseconds now);
    /// To be called before anything else is written to the terminal.
    void make_way();

    /// Readable when a shell is asked for (Ctrl-Z): then suspend(), which returns when the shell
    /// lets us go on.
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
