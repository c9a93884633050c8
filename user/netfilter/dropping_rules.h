// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
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
    const Chain* base = nullptr;  ///< the base chain that leads to it, or is it
    const Rule* rule = nullptr;   ///< nullptr: the chain's policy
    std::size_t number = 0;       ///< of the rule in its chain, from 1
    bool surely = true;           ///< false: a packet that matches may survive (queue, may_drop)
    Matches matches = Matches::maybe;    ///< the packet; of a policy: no rule before it surely does
    const Rule* returned_by = nullptr;   ///< of a policy: the rule that surely returned to it, ...
    std::size_t returned_by_number = 0;  ///< ... and its number in the base chain
    std::optional<RuleCounter> counter{};
};

/// Keys are the same across snapshots: nft's handle and text; for a legacy rule its text and how
/// many rules with that text precede it, as its number changes whenever a rule is inserted before
/// it.
using DroppingRules = std::map<std::string, DroppingRule>;

/// All that can drop `packet` at the loss's hook between its priorities: in the base chains there and the
/// chains reachable from them. Rules that the packet contradicts are left out, and those that it cannot
/// reach: behind a rule that surely ends its traversal, or in a chain that no rule for it jumps to.
/// Null: any packet. The packet's mark and conntrack state are those before the hook's first rule there.
[[nodiscard]] DroppingRules dropping_rules(const Ruleset& ruleset, const Loss& loss,
                                           const PacketHeaders* packet, const SetAnswers& sets);

/// Whether the kernel calls one of its chains at the loss's place.
[[nodiscard]] bool has_chain_at(const Table& table, const Loss& loss);

}  // namespace flowstamp::netfilter
