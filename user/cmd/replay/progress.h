// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdio>
#include <optional>
#include <string>

#include "user/base/clock.h"

namespace flowstamp::cmd {

/// "x.pcap: 42 %" on a terminal, for a file that takes longer than a second. Erased when it goes.
class Progress {
  public:
    /// Says nothing where `terminal` is null. Both others outlive it.
    Progress(std::FILE* terminal, std::string title, const Clock& clock);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// `done`: 0 to 1; nothing where that is not known.
    void show(std::optional<double> done, std::uint64_t frames);

  private:
    std::FILE* terminal_;
    std::string title_;
    const Clock& clock_;
    Nanoseconds due_;
    bool shown_ = false;
};

}  // namespace flowstamp::cmd
