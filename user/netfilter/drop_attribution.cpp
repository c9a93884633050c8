// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/drop_attribution.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "user/netfilter/dropping_rules.h"
#include "user/netfilter/priorities.h"

namespace flowstamp::netfilter {
namespace {

/// A rule that may have dropped the packets, by its counter.
struct Candidate {
    std::string key;  ///< of DroppingRules
    DroppingRule rule;
    enum class Trouble { none, added, removed, counter_reset } trouble = Trouble::none;
    /// Increase of its counter; nothing if it has none.
    std::optional<std::uint64_t> moved{};

    bool counts_exactly() const { return rule.counter && rule.counter->exact; }
};

using Candidates = std::vector<Candidate>;

/// Of all that was lost at a place, what a rule can have dropped.
struct Share {
    std::uint64_t packets = 0;  ///< by it among others
    std::uint64_t alone = 0;    ///< by no other
};

/// What is to be explained: some packets, and what else the same rules can have dropped.
struct Question {
    const Loss& loss;
    std::uint64_t packets;
    const std::map<std::string, Share>& shares;  ///< by key

    const Share& share_of(const Candidate& one) const { return shares.at(one.key); }
    /// The least that its counter has moved by, if it dropped the packets.
    std::uint64_t least(const Candidate& one) const {
        return std::max(packets, share_of(one).alone);
    }
    bool explains(const Candidate& one) const { return one.moved && *one.moved >= least(one); }
};

using Trouble = Candidate::Trouble;

/// Compares a rule in both snapshots; nothing if its counter shows that no packet matched.
std::optional<Candidate> compare(const std::string& key, const DroppingRule& now,
                                 const DroppingRule* then) {
    Candidate one{.key = key, .rule = now};
    if (then == nullptr) {
        one.trouble = Trouble::added;
        one.moved = now.counter ? std::optional(now.counter->packets) : std::nullopt;
    } else if (now.counter && then->counter) {
        const bool reset = now.counter->packets < then->counter->packets;
        one.trouble = reset ? Trouble::counter_reset : Trouble::none;
        one.moved = now.counter->packets - (reset ? 0 : then->counter->packets);
    }
    if (one.moved == 0U && one.trouble != Trouble::counter_reset) {
        return std::nullopt;
    }
    return one;
}

std::vector<Candidate> find_candidates(const DroppingRules& before, const DroppingRules& after) {
    std::vector<Candidate> candidates;
    for (const auto& [key, rule] : after) {
        const auto then = before.find(key);
        if (auto one = compare(key, rule, then == before.end() ? nullptr : &then->second)) {
            candidates.push_back(*one);
        }
    }
    for (const auto& [key, rule] : before) {
        if (!after.contains(key)) {
            candidates.push_back({.key = key, .rule = rule, .trouble = Trouble::removed});
        }
    }
    return candidates;
}

/// Greater is likelier. First a rule that always drops what it matches; then a counter that
/// explains the loss, exactly before roughly, before one that does not, before none; then a rule that
/// surely matches; then the counter closest to the loss, as packets of other flows increase it too.
auto likelihood(const Candidate& one, const Question& question) {
    const std::uint64_t moved = one.moved.value_or(0), wanted = question.share_of(one).packets;
    const std::uint64_t off = moved > wanted ? moved - wanted : wanted - moved;
    const bool explains = question.explains(one);
    const bool surely = one.rule.surely;
    return std::tuple(explains && one.counts_exactly() && surely, surely, explains,
                      one.trouble != Trouble::removed, one.rule.matches, one.moved.has_value(),
                      one.counts_exactly(), ~off);
}

bool kernel_works_there(const Loss& loss) {
    const bool is_ip = loss.family == TableFamily::ip || loss.family == TableFamily::ip6;
    const bool is_there =
        is_ip && std::ranges::any_of(kernel_hooks(), [&](const KernelHook& kernel) {
            return kernel.at(loss.hook) && loss.spans(kernel.priority);
        });
    return is_there || std::ranges::any_of(loss.or_behind, kernel_works_there);
}

DropAttribution described(const DroppingRule& rule) {
    DropAttribution attribution{.family = rule.table->family,
                                .table = rule.table->name,
                                .chain = rule.chain->name,
                                .tool = rule.table->tool,
                                .is_policy = rule.rule == nullptr,
                                .number = rule.number};
    if (rule.base != nullptr) {
        attribution.hook = rule.base->base->hook;
    }
    if (rule.rule == nullptr) {
        attribution.text = "policy drop";
        if (rule.returned_by != nullptr) {
            attribution.text += fmt::format(", after rule {} returned to it: {}",
                                            rule.returned_by_number, rule.returned_by->text);
        }
        return attribution;
    }
    attribution.text = rule.rule->text;
    attribution.rejects = std::ranges::any_of(rule.rule->effects, [](const RuleEffect& effect) {
        return effect.kind == RuleEffect::Kind::rejects;
    });
    if (attribution.tool != RulesetTool::iptables_legacy) {
        attribution.handle = rule.rule->handle;
    }
    return attribution;
}

/// Why this one may also have dropped them.
std::string suspicion_of(const Candidate& one) {
    const std::string name = words_of(described(one.rule));
    switch (one.trouble) {
        case Trouble::added:
            return fmt::format("another may have dropped them, added meanwhile: {}", name);
        case Trouble::removed:
            return fmt::format("another may have dropped them, removed meanwhile: {}", name);
        case Trouble::counter_reset:
            return fmt::format("the counter of another was reset meanwhile: {}", name);
        case Trouble::none:
            break;
    }
    if (one.moved) {
        return fmt::format("the counter of another moved too, by {}: {}", *one.moved, name);
    }
    return fmt::format("another may have dropped them, which has no counter: {}", name);
}

/// Evidence against the likeliest candidate, apart from the others; empty: none.
std::string own_objection(const Candidate& best, const Question& question) {
    switch (best.trouble) {
        case Trouble::added:
            return "it was added while packets were being lost";
        case Trouble::removed:
            return "it was removed while packets were being lost";
        case Trouble::counter_reset:
            return "its counter was reset while packets were being lost";
        case Trouble::none:
            break;
    }
    if (!best.rule.surely) {
        return "not every packet that it matches is dropped";
    }
    if (best.moved && !question.explains(best)) {
        return fmt::format("its counter moved by {} only, but {} packets were lost", *best.moved,
                           question.least(best));
    }
    if (best.moved != question.share_of(best).packets && kernel_works_there(question.loss)) {
        return fmt::format("the kernel may have dropped them by itself there, and {}",
                           best.moved ? "other packets matched the rule too" : "it has no counter");
    }
    return {};
}

/// The same, including the other candidates; `candidates` in descending likelihood.
std::string objection(const Candidates& candidates, const Question& question,
                      const std::vector<std::string>& unread) {
    if (std::string own = own_objection(candidates[0], question); !own.empty()) {
        return own;
    }
    if (candidates.size() > 1) {
        return suspicion_of(candidates[1]);
    }
    if (!unread.empty()) {
        return fmt::format("not everything could be read: {}", unread.front());
    }
    return {};
}

std::string proof(const Candidate& best, const Question& question) {
    if (!best.moved) {
        return "it has no counter, and nothing else there can have dropped them";
    }
    const std::uint64_t packets = question.share_of(best).packets;
    return fmt::format("its counter moved by {} while {} {} lost, and no other rule's there did",
                       *best.moved, packets, packets == 1 ? "packet was" : "packets were");
}

std::optional<DropAttribution> answer(Candidates candidates, const Question& question,
                                      const std::vector<std::string>& unread) {
    if (candidates.empty() || question.packets == 0) {
        return std::nullopt;
    }
    std::ranges::sort(candidates, std::ranges::greater{},
                      [&](const Candidate& one) { return likelihood(one, question); });
    const Candidate& best = candidates.front();
    DropAttribution attribution = described(best.rule);
    for (auto other = candidates.begin() + 1; other != candidates.end(); ++other) {
        attribution.others.push_back(words_of(described(other->rule)));
    }
    attribution.why = objection(candidates, question, unread);
    if (attribution.why.empty()) {
        attribution.certainty = Certainty::certain;
        attribution.why = proof(best, question);
    }
    return attribution;
}

const PacketHeaders* headers_of(const LostPackets& lost) {
    return lost.headers ? &*lost.headers : nullptr;
}

/// How many packets with these headers the trace saw dropped there.
std::uint64_t traced_packets(const NftTraceDrops& traced, const NftTraceDrop& where,
                             const PacketHeaders* headers) {
    std::uint64_t packets = 0;
    for (const auto& [drop, count] : traced) {
        const bool is_there = drop.family == where.family && drop.table == where.table &&
                              drop.chain == where.chain && drop.handle == where.handle;
        if (is_there && (headers == nullptr || drop.packet.may_be(*headers))) {
            packets += count;
        }
    }
    return packets;
}

}  // namespace

std::vector<std::optional<DropAttribution>> attribute_drops(const Ruleset& before,
                                                            const Ruleset& after, const Loss& loss,
                                                            const std::vector<LostPackets>& lost) {
    std::vector<Candidates> candidates;
    std::map<std::string, Share> shares;
    for (const LostPackets& one : lost) {
        const PacketHeaders* const headers = headers_of(one);
        candidates.push_back(find_candidates(dropping_rules(before, loss, headers, after.sets),
                                             dropping_rules(after, loss, headers, after.sets)));
        for (const Candidate& candidate : candidates.back()) {
            shares[candidate.key].packets += one.packets;
            shares[candidate.key].alone += candidates.back().size() == 1 ? one.packets : 0;
        }
    }
    std::vector<std::optional<DropAttribution>> answers;
    answers.reserve(lost.size());
    for (std::size_t i = 0; i < lost.size(); i++) {
        answers.push_back(answer(std::move(candidates[i]),
                                 {.loss = loss, .packets = lost[i].packets, .shares = shares},
                                 after.unread.empty() ? before.unread : after.unread));
    }
    return answers;
}

std::optional<DropAttribution> attribute_drop(const Ruleset& before, const Ruleset& after,
                                              const Loss& loss, const LostPackets& lost) {
    return attribute_drops(before, after, loss, {lost}).front();
}

std::optional<DropAttribution> traced_attribution(const Ruleset& ruleset, const Loss& loss,
                                                  const LostPackets& lost,
                                                  const NftTraceDrops& traced) {
    struct Seen {
        DroppingRule rule;
        std::uint64_t packets;
    };
    std::vector<Seen> seen;
    const PacketHeaders* const headers = headers_of(lost);
    for (const auto& [key, rule] : dropping_rules(ruleset, loss, headers, ruleset.sets)) {
        if (rule.table->tool == RulesetTool::iptables_legacy) {
            continue;
        }
        NftTraceDrop drop{
            .family = rule.table->family, .table = rule.table->name, .chain = rule.chain->name};
        if (rule.rule != nullptr) {
            drop.handle = rule.rule->handle;
        }
        if (const std::uint64_t packets = traced_packets(traced, drop, headers); packets != 0) {
            seen.push_back({rule, packets});
        }
    }
    if (seen.empty()) {
        return std::nullopt;
    }
    std::ranges::sort(seen, std::ranges::greater{}, &Seen::packets);
    DropAttribution attribution = described(seen.front().rule);
    if (seen.size() == 1) {
        attribution.certainty = Certainty::certain;
        attribution.why =
            fmt::format("nft's trace saw it drop {} of our packets, and nothing else there",
                        seen.front().packets);
    } else {
        attribution.why =
            fmt::format("nft's trace saw it drop {} of our packets, and {} by another: {}",
                        seen.front().packets, seen[1].packets, words_of(described(seen[1].rule)));
    }
    return attribution;
}

std::string words_of(const DropAttribution& attribution) {
    std::string where;
    if (attribution.tool == RulesetTool::bpf) {
        return attribution.text;
    }
    if (attribution.tool == RulesetTool::nft) {
        where = fmt::format("table {} {}, chain {}", name_of(attribution.family), attribution.table,
                            attribution.chain);
    } else {
        where = fmt::format("{}, table {}, chain {}", name_of(attribution.tool, attribution.family),
                            attribution.table, attribution.chain);
    }
    if (attribution.is_policy) {
        return fmt::format("{}: {}", where, attribution.text);
    }
    if (attribution.tool == RulesetTool::nft) {
        return fmt::format("{}, handle {}: {}", where, attribution.handle, attribution.text);
    }
    return fmt::format("{}, rule {}: {}", where, attribution.number, attribution.text);
}

}  // namespace flowstamp::netfilter
