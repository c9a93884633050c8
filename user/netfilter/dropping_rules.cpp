// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/dropping_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "user/netfilter/priorities.h"

namespace flowstamp::netfilter {
namespace {

using Kind = RuleEffect::Kind;

using Effects = std::vector<RuleEffect>;

bool has(const Effects& effects, std::initializer_list<Kind> kinds) {
    return std::ranges::any_of(effects, [&](const RuleEffect& effect) {
        return std::ranges::find(kinds, effect.kind) != kinds.end();
    });
}

/// What a rule may do with a packet.
struct Applied {
    Matches matches = Matches::maybe;
    Effects effects{};
    bool surely = false;  ///< one of the effects applies to every packet like this
};

/// A verdict map's choices for the packet: that of its key, or, if none surely is, all that may be.
Applied choose(const std::vector<VerdictChoice>& choices, const PacketHeaders& packet) {
    Applied applied{.matches = Matches::no};
    const VerdictChoice* otherwise = nullptr;
    for (const VerdictChoice& choice : choices) {
        if (choice.is_default) {
            otherwise = &choice;
            continue;
        }
        const Matches its = choice.key ? matches(*choice.key, packet) : Matches::maybe;
        if (its == Matches::yes) {
            return {.matches = its, .effects = {choice.effect}};
        }
        if (its != Matches::no) {
            applied.matches = its;
            applied.effects.push_back(choice.effect);
        }
    }
    if (otherwise != nullptr) {
        applied.effects.push_back(otherwise->effect);
        applied.matches = applied.effects.size() == 1 ? Matches::yes : Matches::maybe;
    }
    return applied;
}

Applied apply(const Rule& rule, const PacketHeaders* packet, const SetAnswers& sets) {
    if (packet == nullptr) {
        return {.effects = rule.effects, .surely = rule.unconditional};
    }
    const Matches its = matches(rule.match, *packet, sets);
    Applied applied{.matches = its, .effects = rule.effects};
    if (!rule.choices.empty() && its != Matches::no) {
        applied = choose(rule.choices, *packet);
        applied.matches = std::min(applied.matches, its);
    }
    applied.surely =
        rule.unconditional || (applied.matches == Matches::yes && !applied.effects.empty());
    return applied;
}

/// Walks a base chain and the chains reachable from it.
class Walk {
  public:
    Walk(const Table& table, const PacketHeaders* packet, const SetAnswers& sets,
         DroppingRules& found)
        : table_(table), sets_(sets), found_(found) {
        if (packet != nullptr) {
            packet_ = *packet;
        }
    }

    void base_chain(const Chain& chain) {
        base_ = &chain;
        const bool end_is_reached = enter(chain);
        if (end_is_reached && chain.base->policy_drops) {
            DroppingRule policy{.table = &table_,
                                .chain = &chain,
                                .base = &chain,
                                .matches = Matches::yes,
                                .returned_by = returned_by_,
                                .returned_by_number = returned_by_number_};
            if (chain.base->policy_packets) {
                policy.counter = {.packets = *chain.base->policy_packets, .exact = true};
            }
            found_.emplace(key(chain, "policy"), policy);
        }
    }

  private:
    /// False if no packet can leave the chain at its end or by a return.
    bool enter(const Chain& chain) {
        if (const auto known = can_be_left_.find(&chain); known != can_be_left_.end()) {
            return known->second;
        }
        can_be_left_[&chain] = true;  // in a cycle: assume so
        const bool can_be_left = walk(chain);
        can_be_left_[&chain] = can_be_left;
        return can_be_left;
    }

    bool walk(const Chain& chain) {
        bool left = false;  // some packet may have left: by an earlier return, or at a goto's end
        std::map<std::string_view, unsigned> seen;
        for (std::size_t i = 0; i < chain.rules.size(); ++i) {
            const Rule& rule = chain.rules[i];
            const unsigned twin = seen[rule.text]++;
            const Applied applied = apply(rule, packet_ ? &*packet_ : nullptr, sets_);
            if (applied.matches == Matches::no) {
                continue;
            }
            forget_what_it_sets(rule);
            note(chain, rule, applied, i + 1, twin);
            const bool comes_back = follow(applied.effects);
            left |= has(applied.effects, {Kind::returns}) ||
                    (comes_back && has(applied.effects, {Kind::goes}));
            if (!applied.surely) {
                continue;
            }
            if (!comes_back || has(applied.effects, {Kind::drops, Kind::rejects, Kind::accepts})) {
                return left;
            }
            if (has(applied.effects, {Kind::returns, Kind::goes})) {
                if (&chain == base_) {
                    returned_by_ = &rule;
                    returned_by_number_ = i + 1;
                }
                return true;
            }
        }
        return true;
    }

    /// Later rules see another mark, or state, than the packet came with: in chains that were walked before,
    /// too.
    void forget_what_it_sets(const Rule& rule) {
        if (packet_ && rule.sets_mark && packet_->mark) {
            packet_->mark.reset();
            can_be_left_.clear();
        }
        if (packet_ && rule.sets_tracking && packet_->state) {
            packet_->state.reset();
            can_be_left_.clear();
        }
    }

    /// Enters the chains that the effects jump to; false if no packet leaves any of them.
    bool follow(const Effects& effects) {
        bool comes_back = effects.empty();
        for (const RuleEffect& effect : effects) {
            const Chain* to = effect.chain.empty() ? nullptr : find_chain(table_, effect.chain);
            comes_back |= to == nullptr || enter(*to);
        }
        return comes_back;
    }

    void note(const Chain& chain, const Rule& rule, const Applied& applied, std::size_t number,
              unsigned twin) {
        const bool drops = has(applied.effects, {Kind::drops, Kind::rejects});
        if (!drops && !has(applied.effects, {Kind::queues, Kind::may_drop})) {
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
                                                    .base = base_,
                                                    .rule = &rule,
                                                    .number = number,
                                                    .surely = drops,
                                                    .matches = applied.matches,
                                                    .counter = rule.counter});
    }

    std::string key(const Chain& chain, std::string_view id) const {
        const bool legacy = table_.tool == RulesetTool::iptables_legacy;
        return fmt::format("{}/{}/{}/{}/{}", legacy ? "legacy" : "nft", name_of(table_.family),
                           table_.name, chain.name, id);
    }

    const Table& table_;
    std::optional<PacketHeaders> packet_{};
    const SetAnswers& sets_;
    DroppingRules& found_;
    const Chain* base_ = nullptr;
    const Rule* returned_by_ = nullptr;
    std::size_t returned_by_number_ = 0;
    std::map<const Chain*, bool> can_be_left_;
};

struct Called {
    const Table* table;
    const Chain* chain;
};

/// Whether IP's hooks of this family see such a packet. Null: any packet.
bool is_seen_in(TableFamily family, const PacketHeaders* packet) {
    const bool is_ip = family == TableFamily::ip || family == TableFamily::ip6;
    return packet == nullptr || !is_ip || packet->is_v4 == (family == TableFamily::ip);
}

bool is_at(const Table& table, const Chain& chain, const Loss& loss, const PacketHeaders* packet) {
    const bool in_hook = is_called(table, chain, loss.family, loss.hook, loss.device) &&
                         loss.spans(chain.base->priority);
    const bool at_egress =
        loss.or_at_egress && is_called(table, chain, TableFamily::netdev, NetfilterHook::egress);
    return in_hook || at_egress || std::ranges::any_of(loss.or_behind, [&](const Loss& behind) {
               return is_seen_in(behind.family, packet) && is_at(table, chain, behind, packet);
           });
}

std::vector<Called> called_chains(const Ruleset& ruleset, const Loss& loss,
                                  const PacketHeaders* packet) {
    std::vector<Called> called;
    for (const Table& table : ruleset.tables) {
        for (const Chain& chain : table.chains) {
            if (is_at(table, chain, loss, packet)) {
                called.push_back({&table, &chain});
            }
        }
    }
    return called;
}

bool sets_any(const Table& table, bool Rule::* what) {
    return std::ranges::any_of(
        table.chains, [&](const Chain& chain) { return std::ranges::any_of(chain.rules, what); });
}

/// Of several chains one may see what another one set: their order is not known.
std::optional<PacketHeaders> as_all_see_it(const PacketHeaders* packet,
                                           const std::vector<Called>& called) {
    std::optional<PacketHeaders> seen;
    if (packet == nullptr) {
        return seen;
    }
    seen = *packet;
    for (const Called& one : called) {
        if (called.size() > 1 && sets_any(*one.table, &Rule::sets_mark)) {
            seen->mark.reset();
        }
        if (called.size() > 1 && sets_any(*one.table, &Rule::sets_tracking)) {
            seen->state.reset();
        }
    }
    return seen;
}

}  // namespace

DroppingRules dropping_rules(const Ruleset& ruleset, const Loss& loss, const PacketHeaders* packet,
                             const SetAnswers& sets) {
    DroppingRules found;
    const std::vector<Called> called = called_chains(ruleset, loss, packet);
    const std::optional<PacketHeaders> seen = as_all_see_it(packet, called);
    for (const Called& one : called) {
        Walk(*one.table, seen ? &*seen : nullptr, sets, found).base_chain(*one.chain);
    }
    return found;
}

bool has_chain_at(const Table& table, const Loss& loss) {
    return std::ranges::any_of(
        table.chains, [&](const Chain& chain) { return is_at(table, chain, loss, nullptr); });
}

}  // namespace flowstamp::netfilter
