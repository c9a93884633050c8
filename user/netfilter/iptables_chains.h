// SPDX-License-Identifier: Apache-2.0
//
// The chains that iptables has by itself, and where the kernel calls them.
#pragma once

#include <optional>
#include <string_view>

#include "user/netfilter/ruleset.h"

namespace flowstamp::netfilter {

/// Hook and priority of the chain "INPUT" of the table "filter" and the like, by
/// enum nf_ip_hook_priorities (linux/netfilter_ipv4.h; the same for IPv6). Nothing for a table or
/// chain that iptables does not have by itself.
[[nodiscard]] std::optional<BaseChain> iptables_base_chain(std::string_view table,
                                                           std::string_view chain);

/// Whether an nft table looks like one that iptables-nft made: of IPv4 or IPv6, with a name of
/// iptables', and each base chain called where iptables would call it.
[[nodiscard]] bool shaped_by_iptables(const Table& table);

}  // namespace flowstamp::netfilter
