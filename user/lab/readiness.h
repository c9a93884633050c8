// SPDX-License-Identifier: Apache-2.0
//
// Some of what `ip` sets up takes effect later, in a work of the kernel's own pace. Packets that come
// before that are lost without a word: so wait.
#pragma once

#include <string>

#include "user/base/result.h"
#include "user/lab/namespace.h"

namespace flowstamp::lab {

/// Waits until the interface, or that toward that end, passes packets: not before the kernel's link watcher,
/// which may wake only once a second, has noticed that both ends are up. Asking for the link state
/// makes it look at once (Linux 6.8: ethtool_op_get_link()); older kernels take their time.
Status await_link(const Namespace& host, const std::string& interface);
Status await_link(const Namespace& host, Side toward);

/// Waits until the host takes packets for its IPv6 address there: the local route comes with the
/// work that does duplicate address detection, even where there is none to do.
Status await_address(const Namespace& host, Side toward);

}  // namespace flowstamp::lab
