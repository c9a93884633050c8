// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/dropping_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "user/netfilter/priorities.h"

namespace flowstamp::netfilter {
namespace {

using Kind = RuleEffect::Kind;

bool has(const Rule& rule, std::initializer_list<Kind> kinds) {
    return std::ranges::any_of(rule.effects, [&](const RuleEffect& effect) {
        return std::ranges::find(kinds, effect.kind) != kinds.end();
    });
}

/// Walks a base chain and the chains reachable from it.
class Walk {
  public:
    Walk(const Table& table, const PacketHeaders* packet, DroppingRules& found)
        : table_(table), packet_(packet), found_(found) {}

    void base_chain(const Chain& chain) {
        const bool end_is_reached = enter(chain);
        if (end_is_reached && chain.base->policy_drops) {
            DroppingRule policy{.table = &table_, .chain = &chain};
            if (chain.base->policy_packets) {
                policy.counter = {.packets = *chain.base->policy_packets, .exact = true};
            }
            found_.emplace(key(chain, "policy"), policy);
        }
    }

  private:
    /// False if no packet can leave the chain at its end or by a return.
    bool enter(const Chain& chain) {
        const auto [known, is_new] = can_be_left_.emplace(&chain, true);  // in a cycle: assume so
        if (is_new) {
            known->second = walk(chain);
        }
        return known->second;
    }

    bool walk(const Chain& chain) {
        bool left = false;  // some packet may have left: by an earlier return, or at a goto's end
        std::map<std::string_view, unsigned> seen;
        for (std::size_t i = 0; i < chain.rules.size(); ++i) {
            const Rule& rule = chain.rules[i];
            const unsigned twin = seen[rule.text]++;
            const Matches its = packet_ == nullptr ? Matches::maybe : matches(rule.match, *packet_);
            if (its == Matches::no) {
                continue;
            }
            note(chain, rule, i + 1, twin);
            const bool comes_back = follow(rule);
            left |= has(rule, {Kind::returns}) || (comes_back && has(rule, {Kind::goes}));
            if (!rule.unconditional && (its != Matches::yes || rule.effects.empty())) {
                continue;
            }
            if (!comes_back || has(rule, {Kind::drops, Kind::rejects, Kind::accepts})) {
                return left;
            }
            if (has(rule, {Kind::returns, Kind::goes})) {
                return true;
            }
        }
        return true;
    }

    /// Enters the chains that the rule jumps to; false if no packet leaves any of them.
    bool follow(const Rule& rule) {
        bool comes_back = rule.effects.empty();
        for (const RuleEffect& effect : rule.effects) {
            const Chain* to = effect.chain.empty() ? nullptr : find_chain(table_, effect.chain);
            comes_back |= to == nullptr || enter(*to);
        }
        return comes_back;
    }

    void note(const Chain& chain, const Rule& rule, std::size_t number, unsigned twin) {
        const bool drops = has(rule, {Kind::drops, Kind::rejects});
        if (!drops && !has(rule, {Kind::queues, Kind::may_drop})) {
            return;
        }
        std::string id = fmt::format("{}", rule.handle);
        if (table_.tool == RulesetTool::iptables_legacy) {
            id = fmt::format("{} #{}", rule.text, twin);
        } else if (table_.tool == RulesetTool::nft) {
            id += ' ' + rule.text;  // a reloaded ruleset reuses handles
        }
        found_.emplace(key(chain, id), DroppingRule{.table = &table_,
                                                    .chain = &chain,
                                                    .rule = &rule,
                                                    .number = number,
                                                    .surely = drops,
                                                    .counter = rule.counter});
    }

    std::string key(const Chain& chain, std::string_view id) const {
        const bool legacy = table_.tool == RulesetTool::iptables_legacy;
        return fmt::format("{}/{}/{}/{}/{}", legacy ? "legacy" : "nft", name_of(table_.family),
                           table_.name, chain.name, id);
    }

    const Table& table_;
    const PacketHeaders* packet_;
    DroppingRules& found_;
    std::map<const Chain*, bool> can_be_left_;
};

}  // namespace

DroppingRules dropping_rules(const Ruleset& ruleset, const Loss& loss,
                             const PacketHeaders* packet) {
    DroppingRules found;
    for (const Table& table : ruleset.tables) {
        for (const Chain& chain : table.chains) {
            const bool in_hook = is_called(table, chain, loss.family, loss.hook, loss.device) &&
                                 loss.spans(chain.base->priority);
            const bool at_egress = loss.or_at_egress && is_called(table, chain, TableFamily::netdev,
                                                                  NetfilterHook::egress);
            if (in_hook || at_egress) {
                Walk(table, packet, found).base_chain(chain);
            }
        }
    }
    return found;
}

}  // namespace flowstamp::netfilter
