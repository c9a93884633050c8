// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string_view>

#include "user/base/nonblocking_fd.h"
#include "user/base/result.h"

namespace flowstamp {

/// say() and log_error() for a run that must not wait for whoever reads standard error: a line that
/// is not taken soon is dropped.
class LiveConsole {
  public:
    LiveConsole();
    void say(std::string_view line);
    /// Returns `status`.
    int log_error(const Error& error, int status);

  private:
    NonblockingFd error_;
    bool is_stalled_ = false;  ///< the last line was not taken: the next one is not waited for
};

}  // namespace flowstamp
