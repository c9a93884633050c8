// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>

#include "user/base/result.h"
#include "user/kernel/attach/interface.h"
#include "user/kernel/attach/probe.h"
#include "user/kernel/features/notice.h"

namespace flowstamp::kernel {

/// Why XDP could not be attached.
struct XdpAttachFailure {
    int errno_value = 0;
    std::string reason;     ///< "another XDP program (id 12) is attached"
    std::string fix;        ///< "detach it"; empty if only another hook helps
    bool is_fatal = false;  ///< another hook would not help, either
};

/// Finds the cause behind the kernel's `error` (a positive errno).
[[nodiscard]] XdpAttachFailure xdp_attach_failure(const Interface& interface, Hook hook, int error);

/// "eth0: another XDP program (id 12) is attached; using tc ingress. Detach it, or choose --hook tc
/// to silence this"
[[nodiscard]] Notice failure_notice(const Interface& interface, const XdpAttachFailure& failure);

/// "eth0: attach native XDP: another XDP program (id 12) is attached; detach it, or choose --hook
/// tc"
[[nodiscard]] Error failure_error(const Interface& interface, Hook hook,
                                  const XdpAttachFailure& failure);

}  // namespace flowstamp::kernel
