// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Some settings made with `ip` take effect asynchronously in the kernel. Packets sent before that
// are silently lost, so wait.
#pragma once

#include <string>

#include "user/base/result.h"
#include "user/lab/namespace.h"

namespace flowstamp::lab {

/// Waits until the interface, or that toward that end, passes packets: not before the kernel's link
/// watcher, which may run only once a second, has seen that both ends are up. Querying the link
/// state makes it run at once (Linux 6.8: ethtool_op_get_link()); older kernels take longer.
Status await_link(const Namespace& host, const std::string& interface);
Status await_link(const Namespace& host, Side toward);

/// Waits until the host accepts packets for its IPv6 address there: the local route is added by the
/// work item of duplicate address detection, even when detection is off.
Status await_address(const Namespace& host, Side toward);

}  // namespace flowstamp::lab
