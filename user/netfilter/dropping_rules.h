// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "user/netfilter/loss.h"
#include "user/netfilter/ruleset.h"

namespace flowstamp::netfilter {

/// A rule, or a base chain's policy, that may have dropped a packet. Points into the Ruleset.
struct DroppingRule {
    const Table* table = nullptr;
    const Chain* chain = nullptr;
    const Rule* rule = nullptr;  ///< nullptr: the chain's policy
    std::size_t number = 0;      ///< of the rule in its chain, from 1
    bool surely = true;          ///< false: a packet that it meets may live (queue, may_drop)
    std::optional<RuleCounter> counter{};
};

/// The same across snapshots: by nft's handle and text; a legacy rule by its text and how many with
/// the same text stand before it, as its number changes with every rule put in front of it.
using DroppingRules = std::map<std::string, DroppingRule>;

/// All that can drop a packet at the loss's hook between its priorities: in the base chains there,
/// and in those that they lead to. What no packet can reach (it stands after a rule that ends them
/// all) is left out.
[[nodiscard]] DroppingRules dropping_rules(const Ruleset& ruleset, const Loss& loss);

}  // namespace flowstamp::netfilter
