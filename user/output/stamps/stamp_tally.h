// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>

namespace flowstamp::output {

/// What became of the packets' stamps, where they are wanted. Those in neither are on their way, or
/// the filter did not want them.
struct StampTally {
    std::uint64_t written = 0;
    std::uint64_t lost = 0;  ///< they came faster than they were written

    friend bool operator==(const StampTally&, const StampTally&) = default;
};

}  // namespace flowstamp::output
