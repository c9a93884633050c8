// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// What targets of iptables do besides a verdict, whichever tool lists them.
#pragma once

#include <string_view>

namespace flowstamp::netfilter {

/// Whether the target may change the packet's mark.
[[nodiscard]] inline bool target_sets_mark(std::string_view target) {
    return target == "MARK" || target == "CONNMARK" || target == "HMARK" || target == "TPROXY";
}

/// Whether it decides if conntrack looks at the packet.
[[nodiscard]] inline bool target_sets_tracking(std::string_view target) {
    return target == "CT" || target == "NOTRACK";
}

}  // namespace flowstamp::netfilter
