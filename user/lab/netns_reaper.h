// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Removes the lab's namespaces, however the run ends.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "user/base/fd.h"
#include "user/base/result.h"

namespace flowstamp::lab {

/// Removes network namespaces, and kills what still runs inside, when destroyed or when this
/// process dies, even by SIGKILL. A small shell process does the work: it waits for the end of a
/// pipe whose other end only this process holds.
class NetnsReaper {
  public:
    /// `names` need not exist yet.
    static Result<NetnsReaper> start(const std::vector<std::string>& names);

    NetnsReaper(NetnsReaper&& other) noexcept;
    NetnsReaper& operator=(NetnsReaper&& other) noexcept;
    ~NetnsReaper();  ///< returns when all are removed

  private:
    NetnsReaper(pid_t pid, Fd pipe) : pid_(pid), pipe_(std::move(pipe)) {}

    pid_t pid_ = -1;
    Fd pipe_;
};

/// Name prefix of this process's next lab: "flowstamp-PID-START-N-". START is the process's start
/// time, which distinguishes a later process with the same PID.
std::string next_name_prefix();

/// Namespaces that the labs of dead processes left behind (their reaper was killed, too).
std::vector<std::string> stale_namespaces();

/// Removes stale_namespaces().
Status remove_stale_namespaces();

}  // namespace flowstamp::lab
