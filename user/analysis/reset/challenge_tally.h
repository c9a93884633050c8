// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>

namespace flowstamp::analysis {

/// The challenges of --challenge and their results. `asked` counts all of them; those in none of
/// the other counts still await their answer.
struct ChallengeTally {
    std::uint64_t asked = 0;
    std::uint64_t upheld = 0;
    std::uint64_t refuted = 0;
    std::uint64_t unanswered = 0;

    friend bool operator==(const ChallengeTally&, const ChallengeTally&) = default;
};

}  // namespace flowstamp::analysis
