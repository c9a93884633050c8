// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <memory>

#include "user/base/clock.h"
#include "user/base/result.h"
#include "user/metrics/listen_address.h"
#include "user/metrics/snapshot.h"

namespace flowstamp::metrics {

/// Answers GET /metrics in Prometheus' text format, with the latest snapshot, from threads of its
/// own: whoever reads slowly keeps nobody waiting but other readers, and never the run.
class Server {
  public:
    /// Whether this build has one.
    [[nodiscard]] static bool is_built_in();

    /// Listens in the calling thread's network namespace. Its threads have the calling thread's
    /// signal mask. `clock` outlives it.
    [[nodiscard]] static Result<Server> start(const ListenAddress& address, const Clock& clock);

    Server(Server&&) noexcept;
    Server& operator=(Server&&) noexcept;
    ~Server();

    /// From now on readers get this.
    void publish(Snapshot snapshot);

  private:
    class Run;
    explicit Server(std::unique_ptr<Run> run);
    std::unique_ptr<Run> run_;
};

}  // namespace flowstamp::metrics
