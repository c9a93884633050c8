// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "user/netfilter/ruleset.h"

namespace flowstamp::netfilter {

/// Where packets were lost: they passed one position of a netfilter hook and did not reach the next.
struct Loss {
    TableFamily family = TableFamily::ip;  ///< of the packets: ip, ip6, bridge, arp; netdev
    NetfilterHook hook = NetfilterHook::input;
    /// They passed this priority (nothing: they entered the hook), ...
    std::optional<int> passed{};
    /// ... but not this one (nothing: the hook's last).
    std::optional<int> up_to{};
    std::string device{};  ///< at ingress and egress; empty: unknown
    /// After the hook they went on to a device's egress, and were lost before tc egress.
    bool or_at_egress = false;
    /// Or further on, where the ruleset changed and no station may have stood yet. Those of IP only concern
    /// packets of their family.
    std::vector<Loss> or_behind{};

    [[nodiscard]] bool spans(int priority) const {
        return (!passed || priority > *passed) && (!up_to || priority <= *up_to);
    }
};

}  // namespace flowstamp::netfilter
