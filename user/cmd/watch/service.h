// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>
#include <string>

#include "user/analysis/stats.h"
#include "user/base/clock.h"
#include "user/base/service_manager.h"
#include "user/cmd/watch/watch.h"

namespace flowstamp::cmd {

/// "watching eth0, eth1; 12 findings; 0 lost", where lost are events, stamps and live flows.
[[nodiscard]] std::string status_line(const std::string& interfaces, const analysis::Stats& stats);

/// Tells the service manager how a running watch does.
class Service {
  public:
    /// Both outlive it. The watch is ready.
    Service(Watch& watch, const Clock& clock);
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;
    /// The watch is about to end.
    ~Service();

    /// To be called ten times a second.
    void tick();
    void reloading() const;
    void reloaded() const;

  private:
    void report_status();

    Watch& watch_;
    const Clock& clock_;
    ServiceManager manager_;
    std::optional<Nanoseconds> keep_alive_every_;
    Nanoseconds keep_alive_due_{0};
    Nanoseconds status_due_{0};
    std::string last_status_;
};

}  // namespace flowstamp::cmd
