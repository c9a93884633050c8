// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "user/base/clock.h"
#include "user/pathtrace/delivery.h"

namespace flowstamp::pathtrace {

/// Which processes in /proc hold which sockets. All of /proc is read at once, and not again for some
/// time: there may be many sockets to ask for.
class SocketHolders {
  public:
    static constexpr Nanoseconds kBetween = std::chrono::seconds(5);
    static constexpr std::size_t kMostDescriptors = 100'000;  ///< looked at, at one reading
    static constexpr std::size_t kMostProcesses = 4;          ///< told of one socket

    /// Those that hold the socket with this inode; none if none was found.
    [[nodiscard]] const std::vector<Delivery::Process>& of(std::uint32_t inode, Nanoseconds now);

  private:
    void read();

    std::map<std::uint32_t, std::vector<Delivery::Process>> holders_;
    std::optional<Nanoseconds> read_at_;
};

}  // namespace flowstamp::pathtrace
