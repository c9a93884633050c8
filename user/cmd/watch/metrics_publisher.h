// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "user/base/clock.h"
#include "user/base/result.h"
#include "user/cmd/watch/watch.h"
#include "user/metrics/server.h"
#include "user/output/outputs.h"

namespace flowstamp::cmd {

/// `watch --metrics`: what Prometheus reads. Without that option it does nothing.
class MetricsPublisher {
  public:
    /// Listens; nobody gets numbers before tick(). `clock` outlives it. Signals that are not to reach
    /// the server's threads are blocked by now.
    [[nodiscard]] static Result<MetricsPublisher> start(
        const std::optional<metrics::ListenAddress>& address, const Clock& clock,
        const std::function<void(std::string_view)>& notice);

    /// To be called ten times a second: once a second it takes the numbers of the run.
    void tick(Watch& watch, const output::Outputs& outputs);

  private:
    MetricsPublisher(std::optional<metrics::Server> server, const Clock& clock)
        : server_(std::move(server)), clock_(&clock) {}

    std::optional<metrics::Server> server_;
    const Clock* clock_;
    Nanoseconds due_{0};
};

}  // namespace flowstamp::cmd
