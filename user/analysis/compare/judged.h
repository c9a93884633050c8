// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "user/analysis/compare/comparison.h"
#include "user/analysis/compare/matched.h"
#include "user/analysis/finding.h"

namespace flowstamp::analysis::compare {

/// A finding, and the packets that it is about.
struct Found {
    Finding finding{};
    std::size_t connection = 0;            ///< of Matched
    unsigned direction = 0;                ///< of A's first view
    bool is_received = false;              ///< packets of Way::received[0]; else of sent[0]
    std::vector<std::uint32_t> packets{};  ///< none: what is changed is about all
};

struct Judged {
    Comparison comparison{};
    std::vector<Found> found{};  ///< by time; what is only changed comes last
};

/// `first_id`: of the first finding.
[[nodiscard]] Judged judge(const Matched& matched, std::uint64_t first_id);

[[nodiscard]] Compared without_packets(Judged judged);

}  // namespace flowstamp::analysis::compare
