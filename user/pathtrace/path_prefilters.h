// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <vector>

#include "flowstamp/path.h"

namespace flowstamp::pathtrace {

/// Cheap tests that show that a packet cannot match.
struct PathPrefilters {
    std::vector<fst_path_prefilter_ipv4> ipv4;
    std::vector<fst_path_prefilter_ipv6> ipv6;
};

/// Every packet that matches `match` passes one of them. A port range is compared by its common
/// prefix; ports are not compared if the protocol may be one without ports.
[[nodiscard]] PathPrefilters path_prefilters(const fst_path_match& match);

}  // namespace flowstamp::pathtrace
