// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "user/base/fd.h"
#include "user/base/result.h"

namespace flowstamp::kernel {

/// A network namespace, held open: what was attached in it can be detached later, even if the
/// thread is in another one by then.
class NetNamespace {
  public:
    [[nodiscard]] static NetNamespace of_this_thread();
    /// By its name below /run/netns, as `ip netns` lists it; else by the id of a process in it. Fails
    /// unless the calling thread can enter it, and come back (that takes CAP_SYS_ADMIN).
    [[nodiscard]] static Result<NetNamespace> named(const std::string& name);

    /// The number shown by /proc/PID/ns/net; 0 if it could not be read.
    [[nodiscard]] std::uint64_t inode() const { return inode_; }

    /// Calls `work` inside the namespace, then returns to the thread's own. False if the namespace
    /// could not be entered (that takes CAP_SYS_ADMIN).
    bool run_inside(const std::function<void()>& work) const;

    /// The same in the calling thread, which is in `home`: cheaper. Throws std::system_error if it
    /// cannot be entered; ends the process if there is no way back.
    void visit(const NetNamespace& home, const std::function<void()>& work) const;

    /// The file that stands for it, for `nsenter --net=`; empty if it was not named.
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    NetNamespace(Fd fd, std::uint64_t inode, std::string path = {})
        : fd_(std::move(fd)), inode_(inode), path_(std::move(path)) {}

    Fd fd_;
    std::uint64_t inode_;
    std::string path_;
};

/// The number of the network namespace that a process is in; 0 if it could not be read.
[[nodiscard]] std::uint64_t net_namespace_of(std::int32_t pid);

/// Whether the network namespace of this inode still exists: a process is in it, or `ip netns`
/// holds it.
[[nodiscard]] bool net_namespace_exists(std::uint64_t inode);

}  // namespace flowstamp::kernel
