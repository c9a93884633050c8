// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "user/analysis/stats.h"
#include "user/analysis/tallies.h"
#include "user/base/clock.h"

namespace flowstamp::metrics {

/// How far the reader of the events is behind: the highest of its readings in the last half to
/// whole minute.
struct Backlog {
    std::size_t ring_bytes = 0;  ///< the ring's size
    std::size_t used_bytes = 0;  ///< of records that a reading found
    Nanoseconds lag{0};          ///< age of the oldest of them
};

/// What the kernel has measured of a program since it was loaded.
struct ProgramCost {
    std::string_view program;  ///< "xdp_ingress"
    std::uint64_t runs = 0;
    Nanoseconds spent{0};
};

/// Events that no output contains.
struct ReportLoss {
    std::uint64_t above_bound = 0;  ///< more than output::ByteBudget allows
    std::uint64_t not_taken = 0;    ///< the disk was full, a reader stalled, or the like
};

/// The numbers of a run at one time, as it keeps them anyway.
struct Snapshot {
    Nanoseconds taken{0};  ///< CLOCK_MONOTONIC
    std::string_view version{};
    std::size_t interfaces = 0;
    std::uint32_t table_slots = 0;
    analysis::Stats stats{};
    analysis::Tallies tallies{};
    Backlog backlog{};
    ReportLoss report_loss{};
    std::vector<ProgramCost> programs{};  ///< those that were measured
};

}  // namespace flowstamp::metrics
