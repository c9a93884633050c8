// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The rules of both iptables variants, as printed by their own save programs.
#pragma once

#include <string>
#include <vector>

#include "user/base/result.h"
#include "user/netfilter/ruleset.h"

namespace flowstamp::netfilter {

/// The legacy tables of the calling thread's network namespace. Reads only those that already exist
/// (/proc/net/ip_tables_names, ip6_tables_names), as listing another would create it. Those that
/// exist but cannot be read are named in `unread`.
[[nodiscard]] std::vector<Table> read_legacy_tables(std::vector<std::string>& unread);

/// Finds the tables in `tables` (as listed by nft) that iptables-nft created, and takes over from
/// iptables-nft-save the rules' text and the packets counted by each policy. If that fails, nft's
/// text stays.
void add_iptables_text(std::vector<Table>& tables);

/// The programs by which rules are read.
[[nodiscard]] std::vector<std::string> save_programs();

/// The part of add_iptables_text() without I/O: copies from `saved` (iptables-nft-save) the
/// texts and policy counters of `table`, if both have the same rules.
void copy_iptables_text(Table& table, const std::vector<Table>& saved);

}  // namespace flowstamp::netfilter
