// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>

namespace flowstamp::analysis {

/// What became of the questions that --challenge asked. Those in `asked` that are in none of the
/// others still wait for their answer.
struct ChallengeTally {
    std::uint64_t asked = 0;
    std::uint64_t upheld = 0;
    std::uint64_t refuted = 0;
    std::uint64_t unanswered = 0;

    friend bool operator==(const ChallengeTally&, const ChallengeTally&) = default;
};

}  // namespace flowstamp::analysis
