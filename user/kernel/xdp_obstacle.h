// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "user/base/result.h"
#include "user/kernel/interface.h"
#include "user/kernel/notice.h"
#include "user/kernel/probe.h"

namespace flowstamp {

/// Why XDP could not be attached.
struct XdpObstacle {
    int errno_value = 0;
    std::string reason;     ///< in words: "another XDP program (id 12) is attached"
    std::string mend;       ///< "detach it"; empty where there is none but another hook
    bool is_fatal = false;  ///< no other hook would do, either
};

/// Looks for what stands behind the kernel's `error` (a positive errno).
[[nodiscard]] XdpObstacle xdp_obstacle(const Interface& interface, Hook hook, int error);

/// "eth0: another XDP program (id 12) is attached; using tc ingress. Detach it, or choose --hook tc
/// to silence this"
[[nodiscard]] Notice obstacle_notice(const Interface& interface, const XdpObstacle& obstacle);

/// "eth0: attach native XDP: another XDP program (id 12) is attached; detach it, or choose --hook tc"
[[nodiscard]] Error obstacle_error(const Interface& interface, Hook hook,
                                   const XdpObstacle& obstacle);

}  // namespace flowstamp
