// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

#include "user/base/fd.h"

namespace flowstamp::kernel {

/// A network namespace, held open: what is attached in it can be taken off again wherever the thread
/// that does so is by then.
class NetNamespace {
  public:
    [[nodiscard]] static NetNamespace of_this_thread();

    /// The number that /proc/PID/ns/net shows; 0 if /proc did not tell.
    [[nodiscard]] std::uint64_t inode() const { return inode_; }

    /// Calls `work` inside the namespace; the calling thread stays where it is. False if it could
    /// not be entered (that takes CAP_SYS_ADMIN).
    bool run_inside(const std::function<void()>& work) const;

  private:
    NetNamespace(Fd fd, std::uint64_t inode) : fd_(std::move(fd)), inode_(inode) {}

    Fd fd_;
    std::uint64_t inode_;
};

/// Whether any process is in the network namespace of this inode, or `ip netns` keeps it.
[[nodiscard]] bool net_namespace_exists(std::uint64_t inode);

}  // namespace flowstamp::kernel
