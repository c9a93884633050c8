// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>

#include "flowstamp/path.h"
#include "user/base/result.h"

namespace flowstamp::pathtrace {

/// A packet whose route is asked for. Addresses as in fst_path_tuple; a source of zeros: any.
struct RouteQuestion {
    const __be32 (&to)[4];
    const __be32 (&from)[4];
    std::uint32_t mark = 0;
    std::uint32_t ifindex_in = 0;   ///< 0: created on this host
    std::uint32_t ifindex_out = 0;  ///< that its socket is bound to; 0: none
};

struct Route {
    std::uint32_t ifindex_out = 0;
    std::uint32_t mtu = 0;  ///< of the route, if it has one of its own; else 0: the interface's
    bool is_own = false;    ///< the destination is an address of this host
};

/// What `ip route get` answers, in the calling thread's network namespace. The error's errno_value
/// says why there is no way: ENETUNREACH or EHOSTUNREACH, EACCES (prohibit), EINVAL (blackhole), EXDEV
/// (reverse path filter).
[[nodiscard]] Result<Route> find_route(const RouteQuestion& question);

}  // namespace flowstamp::pathtrace
