// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "user/netfilter/ruleset.h"

namespace flowstamp::netfilter {

/// Packets that passed one place of a netfilter hook and did not reach the next.
struct Loss {
    TableFamily family = TableFamily::ip;  ///< the packets': ip, ip6, bridge, arp; netdev
    NetfilterHook hook = NetfilterHook::input;
    /// They passed what is at this priority (nothing: they came to the hook), ...
    std::optional<int> passed{};
    /// ... and were gone after what is at this one (nothing: after the hook's last).
    std::optional<int> up_to{};
    std::string device{};  ///< at ingress and egress; empty: not known
    /// Behind the hook's last they came to a device's egress, and were gone before tc saw them.
    bool or_at_egress = false;
    std::uint64_t packets = 0;  ///< as the kernel handles them: a super-packet (GSO) is one

    [[nodiscard]] bool spans(int priority) const {
        return (!passed || priority > *passed) && (!up_to || priority <= *up_to);
    }
};

}  // namespace flowstamp::netfilter
