// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/watch/metrics_publisher.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "user/cmd/version.h"

namespace flowstamp::cmd {

namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kEvery = 1s;

}  // namespace

Result<MetricsPublisher> MetricsPublisher::start(
    const std::optional<metrics::ListenAddress>& address, const Clock& clock,
    const std::function<void(std::string_view)>& notice) {
    if (!address) {
        return MetricsPublisher(std::nullopt, clock);
    }
    auto server = metrics::Server::start(*address, clock);
    if (!server) {
        return std::unexpected(std::move(server).error());
    }
    if (!address->is_loopback) {
        notice(fmt::format(
            "metrics on {}: whoever reaches that address reads them, without a password",
            address->text()));
    }
    return MetricsPublisher(*std::move(server), clock);
}

void MetricsPublisher::tick(Watch& watch, const output::Outputs& outputs) {
    if (!server_ || clock_->monotonic() < due_) {
        return;
    }
    due_ = clock_->monotonic() + kEvery;
    auto snapshot = watch.snapshot();
    if (!snapshot) {
        return;  // the watch itself will fail, and say so
    }
    const output::LiveSink::Tally left_out = outputs.left_out();
    snapshot->version = version();
    snapshot->report_loss = {.above_bound = left_out.above_bound, .not_taken = left_out.not_taken};
    server_->publish(*std::move(snapshot));
}

}  // namespace flowstamp::cmd
