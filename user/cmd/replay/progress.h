// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "user/base/clock.h"

namespace flowstamp::cmd {

/// "x.pcap: 42 %" on a terminal, for a file that takes longer than a second. Erased on
/// destruction.
class Progress {
  public:
    /// Prints nothing if `terminal` is null. `terminal` and `clock` outlive it.
    Progress(std::FILE* terminal, std::string_view title, const Clock& clock);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// `done`: 0 to 1; nothing if unknown, then `frames` is shown.
    void show(std::optional<double> done, std::uint64_t frames);

  private:
    std::FILE* terminal_;
    std::string title_;
    const Clock& clock_;
    Nanoseconds due_;
    bool shown_ = false;
};

}  // namespace flowstamp::cmd
