// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/reset/path_values.h"

#include <algorithm>
#include <utility>

#include "flowstamp/hops.h"

namespace flowstamp::analysis {

std::optional<Values> path_baseline(const fst_direction& direction) {
    std::vector<std::uint64_t> ttls;
    for (const std::uint8_t ttl : direction.ttl) {
        if (ttl != 0) {
            ttls.push_back(ttl);
        }
    }
    if (ttls.empty()) {
        return std::nullopt;
    }
    const auto hops_of = [](std::uint64_t ttl) { return fst_hops(static_cast<__u8>(ttl)); };
    const std::uint8_t hops = hops_of(*std::ranges::min_element(ttls, {}, hops_of));
    return Values{field::ttls(std::move(ttls)), field::hops(hops)};
}

bool tells_distance(std::uint8_t ttl) {
    constexpr std::uint8_t kLowestUsualStart = 64;
    return fst_ttl_base(ttl) >= kLowestUsualStart && fst_hops(ttl) <= FST_HOPS_MAX;
}

}  // namespace flowstamp::analysis
