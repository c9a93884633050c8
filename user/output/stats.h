// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "flowstamp/counter.h"
#include "user/base/clock.h"
#include "user/analysis/reset/challenge_tally.h"
#include "user/output/stamps/stamp_tally.h"

namespace flowstamp::output {

/// Sums since the start.
struct Stats {
    Nanoseconds wall{0};  ///< since 1970
    Nanoseconds uptime{0};
    std::array<std::uint64_t, FST_COUNT_MAX> counters{};  ///< by enum fst_counter
    analysis::ChallengeTally challenges{};
    std::uint64_t findings_suspected = 0;
    std::uint64_t findings_confirmed = 0;
    std::optional<StampTally> stamps{};  ///< with --stamps
    std::uint64_t records_unread = 0;  ///< records that user space could not read: another version
};

}  // namespace flowstamp::output
