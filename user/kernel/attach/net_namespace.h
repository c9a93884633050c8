// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <functional>

#include "user/base/fd.h"

namespace flowstamp::kernel {

/// A network namespace, held open: what was attached in it can be detached later, even if the
/// thread is in another one by then.
class NetNamespace {
  public:
    [[nodiscard]] static NetNamespace of_this_thread();

    /// The number shown by /proc/PID/ns/net; 0 if it could not be read.
    [[nodiscard]] std::uint64_t inode() const { return inode_; }

    /// Calls `work` inside the namespace, then returns to the thread's own. False if the namespace
    /// could not be entered (that takes CAP_SYS_ADMIN).
    bool run_inside(const std::function<void()>& work) const;

  private:
    NetNamespace(Fd fd, std::uint64_t inode) : fd_(std::move(fd)), inode_(inode) {}

    Fd fd_;
    std::uint64_t inode_;
};

/// Whether the network namespace of this inode still exists: a process is in it, or `ip netns`
/// holds it.
[[nodiscard]] bool net_namespace_exists(std::uint64_t inode);

}  // namespace flowstamp::kernel
