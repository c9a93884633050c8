// SPDX-License-Identifier: Apache-2.0
//
// The rules of iptables' two kinds, as its own save programs print them.
#pragma once

#include <string>
#include <vector>

#include "user/base/result.h"
#include "user/netfilter/ruleset.h"

namespace flowstamp::netfilter {

/// The legacy tables of the calling thread's network namespace. Only those that exist already are
/// looked at (/proc/net/ip_tables_names, ip6_tables_names): to ask for another would make it.
/// Those that exist but cannot be read are told in `unread`.
[[nodiscard]] std::vector<Table> read_legacy_tables(std::vector<std::string>& unread);

/// Finds the tables in `tables` (as nft shows them) that iptables-nft made, and gives them its
/// words: the rules' text, and the packets that each policy has met. Where it cannot be asked,
/// nft's words stay.
void report_iptables_tables(std::vector<Table>& tables);

/// The programs by which rules are read.
[[nodiscard]] std::vector<std::string> save_programs();

/// The part of tell_iptables_tables() without I/O: takes from `saved` (iptables-nft-save) what it
/// says of `table`, if both have the same rules.
void take_iptables_words(Table& table, const std::vector<Table>& saved);

}  // namespace flowstamp::netfilter
