// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// nft's text for its rules, and what its JSON lacks: devices and dormant tables (nft 1.0.6).
#pragma once

#include <string_view>
#include <vector>

#include "user/netfilter/ruleset.h"

namespace flowstamp::netfilter {

/// The names in the output of `nft -a -s list ruleset`: tables and their chains, without rules.
[[nodiscard]] std::vector<Table> nft_outline(std::string_view listing);

/// Whether it lists a table with flags (owner, dormant, persist).
[[nodiscard]] bool has_table_flags(std::string_view listing);

/// Adds to `tables` from the output of `nft -a -s list ruleset`: each rule's text by its handle,
/// the devices of base chains, and which tables are dormant.
void add_nft_text(std::vector<Table>& tables, std::string_view listing);

}  // namespace flowstamp::netfilter
