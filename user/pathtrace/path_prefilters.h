// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "flowstamp/path.h"

namespace flowstamp::pathtrace {

/// What tells with less work than a match that a packet does not fit it.
struct PathPrefilters {
    std::vector<fst_path_prefilter_ipv4> ipv4;
    std::vector<fst_path_prefilter_ipv6> ipv6;
};

/// Every packet that `match` takes fits one of them. A range of ports is compared as far as its ends
/// begin alike; ports not at all where the protocol may be one that has none.
[[nodiscard]] PathPrefilters path_prefilters(const fst_path_match& match);

}  // namespace flowstamp::pathtrace
