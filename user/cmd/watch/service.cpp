// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/watch/service.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

namespace flowstamp::cmd {

namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kStatusEvery = 5s;

}  // namespace

std::string status_line(const std::string& interfaces, const analysis::Stats& stats) {
    const auto& count = stats.counters;
    const std::uint64_t findings = stats.findings_suspected + stats.findings_confirmed;
    const std::uint64_t lost = count[FST_COUNT_EVENT_LOST] + count[FST_COUNT_STAMP_LOST] +
                               count[FST_COUNT_EVICT_LIVE] + count[FST_COUNT_FLOW_LOST] +
                               stats.records_unread;
    return fmt::format("watching {}; {} finding{}; {} lost", interfaces, findings,
                       findings == 1 ? "" : "s", lost);
}

Service::Service(Watch& watch, const Clock& clock)
    : watch_(watch), clock_(clock), keep_alive_every_(manager_.keep_alive_every()) {
    manager_.ready();
    tick();
}

Service::~Service() {
    manager_.stopping();
}

void Service::tick() {
    if (!manager_.is_there()) {
        return;
    }
    const Nanoseconds now = clock_.monotonic();
    if (keep_alive_every_ && now >= keep_alive_due_) {
        keep_alive_due_ = now + *keep_alive_every_;
        manager_.keep_alive();
    }
    if (now >= status_due_) {
        status_due_ = now + kStatusEvery;
        report_status();
    }
}

void Service::report_status() {
    const auto stats = watch_.stats();
    if (!stats) {
        return;  // the watch itself will fail, and say so
    }
    std::string status =
        status_line(fmt::format("{}", fmt::join(watch_.interfaces(), ", ")), *stats);
    if (status != last_status_) {
        manager_.status(status);
        last_status_ = std::move(status);
    }
}

void Service::reloading() const {
    manager_.reloading(clock_.monotonic());
}

void Service::reloaded() const {
    manager_.ready();
}

}  // namespace flowstamp::cmd
