// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>
#include <string_view>

#include "user/base/clock.h"

namespace flowstamp {

/// The service manager that has started this process, if one has (sd_notify(3)). Without one, its
/// functions do nothing.
class ServiceManager {
  public:
    ServiceManager();

    /// Whether anybody listens.
    [[nodiscard]] bool is_there() const { return is_there_; }
    /// How often it wants to hear keep_alive(); nothing: never.
    [[nodiscard]] std::optional<Nanoseconds> keep_alive_every() const;

    /// The process does its work: after its start, and after reloading().
    void ready() const;
    void reloading(Nanoseconds now) const;  ///< `now`: CLOCK_MONOTONIC
    void stopping() const;
    /// One line for `systemctl status`.
    void status(std::string_view line) const;
    void keep_alive() const;

  private:
    bool is_there_;
};

}  // namespace flowstamp
