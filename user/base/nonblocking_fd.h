// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "user/base/clock.h"
#include "user/base/fd.h"
#include "user/base/result.h"

namespace flowstamp {

/// Writes to an open file, pipe, terminal or socket without waiting for whoever reads it. The
/// descriptor given is not changed: O_NONBLOCK would hold for every process that shares it, such as
/// the shell.
class NonblockingFd {
  public:
    /// `fd` stays open for as long; `name` is what errors call it.
    NonblockingFd(int fd, std::string name);

    /// Writes what is taken at once; returns how many bytes, 0 if none.
    [[nodiscard]] Result<std::size_t> write(std::string_view text);
    /// Waits until something may be taken, at most `most`.
    void wait(Nanoseconds most) const;

  private:
    enum class Kind { file, socket, reopened, other };

    int fd_;
    std::string name_;
    Fd own_;  ///< the same pipe or terminal, opened anew with O_NONBLOCK
    Kind kind_ = Kind::other;
};

}  // namespace flowstamp
