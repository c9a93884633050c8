// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "flowstamp/evidence.h"
#include "user/analysis/finding.h"
#include "user/net/names.h"

namespace flowstamp::analysis {

/// Findings of one kind. Neither count ever falls.
struct FindingTally {
    std::uint64_t reported = 0;   ///< each once
    std::uint64_t confirmed = 0;  ///< of these
};

inline constexpr auto kFindingKinds = std::to_array<FindingKind>({
#define FINDING_KIND(name, json_name, meaning) FindingKind::name,
#include "user/analysis/kinds.def"
});
/// By FindingKind.
using FindingTallies = std::array<FindingTally, kFindingKinds.size()>;

inline constexpr std::size_t kVerdicts = FST_VERDICT_CONFIRMED + 1;
inline constexpr auto kCauses = std::to_array<fst_cause>({
#define FST_CAUSE(name, value, json_name, words, reset, recognised_by) FST_CAUSE_##name,
#include "flowstamp/causes.def"
});
/// By fst_verdict, then fst_cause.
using ResetTallies = std::array<std::array<std::uint64_t, kCauses.size()>, kVerdicts>;

/// By net::FlowState.
using FlowTallies = std::array<std::uint64_t, net::kFlowStates>;

/// What a session has counted by kind, of all packets, whatever its filter.
struct Tallies {
    FindingTallies findings{};
    ResetTallies resets{};  ///< each once, as it was first reported: nothing is taken back later
    FlowTallies flows{};    ///< in the table, as the latest whole scan found them
};

}  // namespace flowstamp::analysis
