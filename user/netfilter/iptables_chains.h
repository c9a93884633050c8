// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The built-in chains of iptables, and where the kernel calls them.
#pragma once

#include <optional>
#include <string_view>

#include "user/netfilter/ruleset.h"

namespace flowstamp::netfilter {

/// Hook and priority of a built-in chain such as "INPUT" of the table "filter", from enum
/// nf_ip_hook_priorities (linux/netfilter_ipv4.h; the same for IPv6). Nothing for any other table
/// or chain.
[[nodiscard]] std::optional<BaseChain> iptables_base_chain(std::string_view table,
                                                           std::string_view chain);

/// Whether an nft table looks as if created by iptables-nft: of IPv4 or IPv6, named like one of
/// iptables' tables, with each base chain at the hook and priority that iptables uses.
[[nodiscard]] bool shaped_by_iptables(const Table& table);

}  // namespace flowstamp::netfilter
