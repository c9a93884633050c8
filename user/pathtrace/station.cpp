// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/station.h"

#include <fmt/format.h>
#include <linux/netfilter.h>

#include <algorithm>
#include <array>

namespace flowstamp::pathtrace {

namespace {

constexpr std::array kHooks = {"prerouting", "input", "forward", "output", "postrouting"};

}  // namespace

std::string within_netns(const std::string& netns, const std::string& name) {
    return netns.empty() || name.empty() ? name : netns + "/" + name;
}

std::string Station::text() const {
    if (kind != Kind::netfilter) {
        return fmt::format("{}, tc {}", within_netns(netns, interface),
                           kind == Kind::tc_ingress ? "ingress" : "egress");
    }
    return fmt::format("{}{}{} {}, priority {}", netns, netns.empty() ? "" : ": ",
                       pf == NFPROTO_IPV6 ? "IPv6" : "IPv4",
                       hook < kHooks.size() ? kHooks.at(hook) : "hook", priority);
}

bool Station::has_room_for(const Station& other, std::int32_t its_priority) const {
    const auto [first, last] = std::minmax({priority, up_to.value_or(priority)});
    return kind == Kind::netfilter && other.kind == kind && other.pf == pf && other.hook == hook &&
           other.netns == netns && its_priority >= first && its_priority <= last;
}

}  // namespace flowstamp::pathtrace
