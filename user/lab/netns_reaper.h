// SPDX-License-Identifier: Apache-2.0
//
// Nothing may be left behind, however a run ends.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "user/base/fd.h"
#include "user/base/result.h"

namespace flowstamp::lab {

/// Removes network namespaces, and kills what still runs inside, when this object goes, or when
/// this process dies, be it by SIGKILL. The work is done by a small shell process that waits for
/// the end of a pipe whose other end only this process holds.
class NetnsReaper {
  public:
    /// `names` need not exist yet.
    static Result<NetnsReaper> start(const std::vector<std::string>& names);

    NetnsReaper(NetnsReaper&& other) noexcept;
    NetnsReaper& operator=(NetnsReaper&& other) noexcept;
    ~NetnsReaper();  ///< returns when all is removed

  private:
    NetnsReaper(pid_t pid, Fd pipe) : pid_(pid), pipe_(std::move(pipe)) {}

    pid_t pid_ = -1;
    Fd pipe_;
};

/// A name prefix for this process's next lab: "flowstamp-PID-START-N-". START is the process's
/// start time, so that a later process with the same PID is told apart.
std::string next_name_prefix();

/// The namespaces that labs of dead processes have left (a guard of theirs was killed, too).
std::vector<std::string> stale_namespaces();

/// Removes stale_namespaces().
Status remove_stale_namespaces();

}  // namespace flowstamp::lab
