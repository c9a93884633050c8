// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/metrics/server.h"

#include <prometheus/collectable.h>
#include <prometheus/exposer.h>

#include <exception>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "user/metrics/prometheus/families.h"

namespace flowstamp::metrics {

namespace {

/// The latest snapshot, written by the run and read by the server's threads.
class LatestSnapshot final : public prometheus::Collectable {
  public:
    explicit LatestSnapshot(const Clock& clock) : clock_(clock) {}

    void set(Snapshot snapshot) {
        auto fresh = std::make_shared<const Snapshot>(std::move(snapshot));
        const std::lock_guard guard(mutex_);
        latest_ = std::move(fresh);
    }
    /// Nothing before the first snapshot.
    std::vector<prometheus::MetricFamily> Collect() const override {
        const std::shared_ptr<const Snapshot> latest = get();
        return latest ? families_of(*latest, clock_.monotonic() - latest->taken)
                      : std::vector<prometheus::MetricFamily>{};
    }

  private:
    [[nodiscard]] std::shared_ptr<const Snapshot> get() const {
        const std::lock_guard guard(mutex_);
        return latest_;
    }

    const Clock& clock_;
    mutable std::mutex mutex_;
    std::shared_ptr<const Snapshot> latest_;
};

/// civetweb's options, in pairs. A reader that says nothing for five seconds is let go of: each
/// connection takes one of the threads.
std::vector<std::string> server_options(const ListenAddress& address) {
    return {"listening_ports",    address.text(), "num_threads",       "2",
            "request_timeout_ms", "5000",         "enable_keep_alive", "no"};
}

}  // namespace

class Server::Run {
  public:
    Run(const ListenAddress& address, const Clock& clock)
        : latest_(std::make_shared<LatestSnapshot>(clock)), exposer_(server_options(address)) {
        exposer_.RegisterCollectable(latest_);
    }
    void publish(Snapshot snapshot) { latest_->set(std::move(snapshot)); }

  private:
    std::shared_ptr<LatestSnapshot> latest_;
    prometheus::Exposer exposer_;  ///< last: its threads read the others
};

bool Server::is_built_in() {
    return true;
}

/// The library says only that it could not listen; why, check_free() knows.
Result<Server> Server::start(const ListenAddress& address, const Clock& clock) {
    if (const Status free = check_free(address); !free) {
        return std::unexpected(free.error());
    }
    try {
        return Server(std::make_unique<Run>(address, clock));
    } catch (const std::exception& refused) {
        Error error{.operation = "listen", .object = address.text(), .reason = refused.what()};
        if (address.is_v6) {
            error.reason = "the HTTP server of this build has no IPv6";
            error.hint = "give an IPv4 address";
        }
        return fail(std::move(error));
    }
}

Server::Server(std::unique_ptr<Run> run) : run_(std::move(run)) {}
Server::Server(Server&&) noexcept = default;
Server& Server::operator=(Server&&) noexcept = default;
Server::~Server() = default;

void Server::publish(Snapshot snapshot) {
    run_->publish(std::move(snapshot));
}

}  // namespace flowstamp::metrics
