// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// What a rule of nft requires of a packet, from nft's JSON (libnftables-json(5)).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "user/netfilter/rule_match.h"

namespace flowstamp::netfilter {

/// Where a rule stands: the sets that it names are of its table.
struct NftScope {
    std::string family{};
    std::string table{};
    const std::set<NamedSet>* volatile_sets = nullptr;  ///< those of all tables
};

/// Adds what the statement `match` requires to the rule; false: it is not understood, and nothing is added.
[[nodiscard]] bool add_nft_match(RuleMatch& rule, const nlohmann::json& match,
                                 const NftScope& scope);

/// What it takes of a packet that a verdict map's key is this element; nothing: not understood.
[[nodiscard]] std::optional<Conditions> nft_element_conditions(const nlohmann::json& key,
                                                               const nlohmann::json& element);

}  // namespace flowstamp::netfilter
