// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "user/analysis/stats.h"

namespace flowstamp::cmd {

/// What was lost since the last call: a line for each kind, with the remedy.
class LossNotices {
  public:
    [[nodiscard]] std::vector<std::string> since_last(const analysis::Stats& stats);

    /// The same for stamps, which are checked apart: many more of them can be lost at once.
    [[nodiscard]] std::optional<std::string> stamps_since_last(const analysis::StampTally& stamps);

  private:
    std::uint64_t events_ = 0;
    std::uint64_t openings_ = 0;
    std::uint64_t stamps_ = 0;
    std::uint64_t flows_ = 0;
    std::uint64_t unread_ = 0;
};

}  // namespace flowstamp::cmd
