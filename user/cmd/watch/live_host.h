// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>

#include "user/analysis/this_host.h"
#include "user/base/clock.h"
#include "user/kernel/attach/probe.h"
#include "user/pathtrace/live/socket_holders.h"

namespace flowstamp::cmd {

/// What the host of a running watch says of itself. Asks the kernel each time, in the calling
/// thread's network namespace.
class LiveHost final : public analysis::ThisHost {
  public:
    /// `probe` outlives it. `follows_drops`: the kernel reports what it drops (`watch --path`), and
    /// nothing must be concluded from what does not leave.
    LiveHost(kernel::AttachedProbe& probe, bool follows_drops)
        : probe_(probe), follows_drops_(follows_drops) {}

    [[nodiscard]] std::optional<Route> route_to(const net::Endpoint& end) const override;
    [[nodiscard]] std::optional<Reader> stuck_reader(const net::Endpoint& own,
                                                     const net::Endpoint& peer) const override;
    [[nodiscard]] bool is_watched_whole() const override;
    [[nodiscard]] std::optional<std::uint64_t> events_lost() const override;

  private:
    kernel::AttachedProbe& probe_;
    bool follows_drops_;
    SystemClock clock_;
    mutable pathtrace::SocketHolders holders_;  ///< a memory of /proc
};

}  // namespace flowstamp::cmd
