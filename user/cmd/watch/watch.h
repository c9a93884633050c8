// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "user/base/clock.h"
#include "user/base/result.h"
#include "user/cmd/watch/watch_options.h"
#include "user/metrics/snapshot.h"
#include "user/net/filter.h"
#include "user/output/event.h"

namespace flowstamp::cmd {

class LiveEvidence;

/// A running watch: the probe on its interfaces, and everything from its events to the report. Call
/// poll() regularly; detaches on destruction.
class Watch {
  public:
    /// All of these outlive the watch.
    struct Dependencies {
        output::Consumer& output;
        const Clock& clock;
        /// Receives lines about the run itself: fallbacks, losses, limits. Without line end.
        std::function<void(std::string_view)> notice;
        LiveEvidence* evidence = nullptr;  ///< receives packets; null: nobody does
    };

    /// Attaches to options.interfaces of the calling thread's network namespace. Ignores the
    /// options about the report and the duration; `filter` limits what is reported.
    [[nodiscard]] static Result<Watch> start(const WatchOptions& options,
                                             std::optional<net::Filter> filter,
                                             const Dependencies& dependencies);

    Watch(Watch&&) noexcept;
    Watch& operator=(Watch&&) noexcept;
    ~Watch();

    /// Readable when the kernel has an urgent event or an interface has changed; else call poll()
    /// ten times a second, in the namespace of start().
    [[nodiscard]] int descriptor() const;

    /// Reads, judges and reports what there is; also statistics and ended flows, when due, and what
    /// has become of the interfaces. Fails when none of them is left and none can come.
    [[nodiscard]] Status poll();

    /// Detaches, reads the last events, and reports what is still open: findings and flows.
    [[nodiscard]] Status finish();

    /// Totals since the start.
    [[nodiscard]] Result<analysis::Stats> stats();

    /// The same and more, for Prometheus; without what becomes of the report.
    [[nodiscard]] Result<metrics::Snapshot> snapshot();
    /// Where it stands, for a view of it. Fails as stats() does.
    [[nodiscard]] Result<analysis::Sample> sample();

    /// "eth0 (xdp ingress, tcx egress), veth1 (tcx ingress, tcx egress; XDP would cost it its large
    /// segments)".
    [[nodiscard]] std::string where() const;
    /// The names of the interfaces that it is attached to now.
    [[nodiscard]] std::vector<std::string> interfaces() const;

    /// Limits what is reported from now on; nothing: everything.
    void set_filter(std::optional<net::Filter> filter);

  private:
    class Run;
    explicit Watch(std::unique_ptr<Run> run);
    std::unique_ptr<Run> run_;
};

/// `flowstamp watch`. Returns the exit status.
int run_watch(const WatchOptions& options);

}  // namespace flowstamp::cmd
