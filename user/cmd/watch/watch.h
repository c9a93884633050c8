// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "user/base/clock.h"
#include "user/base/result.h"
#include "user/cmd/watch/watch_options.h"
#include "user/net/filter.h"
#include "user/output/event.h"

namespace flowstamp::cmd {

/// A running watch: the probe on its interfaces, and everything from its events to the report. To be
/// driven by calling turn(); detaches when it goes.
class Watch {
  public:
    /// What it needs from outside; all of it outlives the watch.
    struct Dependencies {
        output::Consumer& output;
        const Clock& clock;
        /// Takes lines about the run itself: fall-backs, losses, limits. No line end.
        std::function<void(std::string_view)> notice;
    };

    /// Attaches to options.interfaces of the calling thread's network namespace. Of the options it
    /// reads what bears on the data path; `filter` limits what is told.
    [[nodiscard]] static Result<Watch> start(const WatchOptions& options,
                                             std::optional<net::Filter> filter,
                                             const Dependencies& dependencies);

    Watch(Watch&&) noexcept;
    Watch& operator=(Watch&&) noexcept;
    ~Watch();

    /// Readable when the kernel has something urgent; else turn() is due ten times a second.
    [[nodiscard]] int descriptor() const;

    /// Reads what there is, judges it, tells it; statistics and ended flows when they are due.
    [[nodiscard]] Status poll();

    /// Detaches, reads the last events, and tells what is still open: undecided findings, flows.
    [[nodiscard]] Status finish();

    /// Sums since the start.
    [[nodiscard]] Result<analysis::Stats> stats();

    /// "eth0 (xdp ingress, tcx egress), eth1 (tcx ingress, tcx egress)".
    [[nodiscard]] std::string where() const;

  private:
    class Run;
    explicit Watch(std::unique_ptr<Run> run);
    std::unique_ptr<Run> run_;
};

/// `flowstamp watch`. Returns the exit status.
int run_watch(const WatchOptions& options);

}  // namespace flowstamp::cmd
