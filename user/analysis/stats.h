// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "flowstamp/counter.h"
#include "user/analysis/reset/challenge_tally.h"
#include "user/base/clock.h"

namespace flowstamp::analysis {

/// By enum fst_counter, summed over all CPUs.
using Counters = std::array<std::uint64_t, FST_COUNT_MAX>;

/// Stamps of a run (`--stamps`).
struct StampTally {
    std::uint64_t written = 0;
    std::uint64_t lost = 0;
};

/// What a data path has counted since it was started.
struct DatapathStats {
    Counters counters{};
    std::uint64_t records_unread = 0;  ///< written by a data path of another version
    std::optional<StampTally> stamps{};
};

/// Sums since the start of a session.
struct Stats : DatapathStats {
    Nanoseconds wall{0};  ///< of these sums, since 1970
    Nanoseconds uptime{0};
    ChallengeTally challenges{};
    std::uint64_t findings_suspected = 0;
    std::uint64_t findings_confirmed = 0;
    /// Of a capture: frames by the encapsulation that they hold and that is not opened ("L2TP").
    std::map<std::string, std::uint64_t> unopened{};
};

}  // namespace flowstamp::analysis
