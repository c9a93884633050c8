// SPDX-License-Identifier: Apache-2.0
#include "user/demo/scenario.h"

#include <array>

namespace flowstamp::demo {

std::span<const Scenario> scenarios() {
    static constexpr std::array<Scenario, 3> kAll = {{
        {"forged-rst", "a firewall forges a reset: watched, refused on evidence, refused by asking",
         play_forged_rst},
        {"forged-rst-both",
         "both ends are reset: what one side can do about it, and what it cannot",
         play_forged_rst_both},
        {"genuine", "servers that really reset: the strictest watch lets them through",
         play_genuine},
    }};
    return kAll;
}

}  // namespace flowstamp::demo
