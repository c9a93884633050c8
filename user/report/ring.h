// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "flowstamp/flow.h"

namespace flowstamp {

/// A direction's stamps, the oldest first.
[[nodiscard]] inline std::vector<fs_stamp> stamps_of(const fs_direction& direction) {
    std::vector<fs_stamp> stamps;
    for (unsigned i = 0; i < FS_RING_STAMPS; i++) {
        const fs_stamp& stamp = direction.ring[(direction.ring_next + i) % FS_RING_STAMPS];
        if (stamp.ttl != 0) {
            stamps.push_back(stamp);
        }
    }
    return stamps;
}

}  // namespace flowstamp
