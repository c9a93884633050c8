// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/iptables_save.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>

#include "user/netfilter/iptables_chains.h"
#include "user/netfilter/iptables_match.h"
#include "user/netfilter/quoted_lines.h"
#include "user/netfilter/xtables_targets.h"

namespace flowstamp::netfilter {
namespace {

using Kind = RuleEffect::Kind;
using Words = std::vector<std::string_view>;

/// Splits at spaces outside quotes; inside quotes a backslash escapes the next character.
Words words_of(std::string_view line) {
    Words words;
    std::size_t begin = 0;
    bool quoted = false;
    for (std::size_t i = 0; i <= line.size(); ++i) {
        if (i < line.size() && (quoted || line[i] != ' ')) {
            quoted ^= line[i] == '"';
            i += quoted && line[i] == '\\' ? 1 : 0;
            continue;
        }
        if (i > begin) {
            words.push_back(line.substr(begin, i - begin));
        }
        begin = i + 1;
    }
    return words;
}

/// The packets of "[123:4567]" (packets:bytes); nothing if `word` is not a counter.
std::optional<std::uint64_t> packets_of(std::string_view word) {
    if (!word.starts_with('[') || !word.ends_with(']') || !word.contains(':')) {
        return std::nullopt;
    }
    std::uint64_t packets = 0;
    const auto [end, trouble] =
        std::from_chars(word.data() + 1, word.data() + word.size(), packets);
    return trouble == std::errc{} && *end == ':' ? std::optional(packets) : std::nullopt;
}

/// What the target of a rule does (man iptables-extensions). `table` distinguishes its own chains
/// from extension targets.
RuleEffect effect_of(std::string_view option, std::string_view target, const Table& table) {
    if (find_chain(table, target) != nullptr) {
        return {.kind = option == "-g" ? Kind::goes : Kind::jumps, .chain = std::string(target)};
    }
    struct Target {
        std::string_view name;
        Kind kind;
    };
    static constexpr std::array known{
        Target{"DROP", Kind::drops},       Target{"REJECT", Kind::rejects},
        Target{"ACCEPT", Kind::accepts},   Target{"RETURN", Kind::returns},
        Target{"QUEUE", Kind::queues},     Target{"NFQUEUE", Kind::queues},
        Target{"LOG", Kind::other},        Target{"NFLOG", Kind::other},
        Target{"MARK", Kind::other},       Target{"CONNMARK", Kind::other},
        Target{"CT", Kind::other},         Target{"NOTRACK", Kind::other},
        Target{"TCPMSS", Kind::other},     Target{"TOS", Kind::other},
        Target{"DSCP", Kind::other},       Target{"TTL", Kind::other},
        Target{"HL", Kind::other},         Target{"CLASSIFY", Kind::other},
        Target{"AUDIT", Kind::other},      Target{"TRACE", Kind::other},
        Target{"TEE", Kind::other},        Target{"SET", Kind::other},
        Target{"HMARK", Kind::other},      Target{"CHECKSUM", Kind::other},
        Target{"SECMARK", Kind::other},    Target{"CONNSECMARK", Kind::other},
        Target{"TCPOPTSTRIP", Kind::other}};
    const auto* const found = std::ranges::find(known, target, &Target::name);
    return {.kind = found == known.end() ? Kind::may_drop : found->kind};
}

/// Whether the words between the chain's name and the target are only comments.
bool matches_everything(const Words& words, std::size_t target) {
    const std::size_t first = 2;  // -A CHAIN
    return target == first || (target == first + 4 && words[first] == "-m" &&
                               words[first + 1] == "comment" && words[first + 2] == "--comment");
}

/// The option that names the target; a comment may be "-j", too.
Words::const_iterator target_of(const Words& words) {
    return std::ranges::find_if(words, [&](const std::string_view& word) {
        const bool is_comment = &word != words.data() && *(&word - 1) == "--comment";
        return (word == "-j" || word == "-g") && !is_comment;
    });
}

class SaveReader {
  public:
    SaveReader(TableFamily family, RulesetTool tool) : family_(family), tool_(tool) {}

    /// False if the line does not belong to the format.
    bool parse_line(std::string_view line) {
        if (line.empty() || line.starts_with('#') || line == "COMMIT") {
            return true;
        }
        if (line.starts_with('*')) {
            tables_.push_back(
                {.family = family_, .name = std::string(line.substr(1)), .tool = tool_});
            return true;
        }
        if (tables_.empty()) {
            return false;
        }
        return line.starts_with(':') ? parse_chain(words_of(line.substr(1))) : parse_rule(line);
    }
    std::vector<Table> result() && { return std::move(tables_); }

  private:
    bool parse_chain(const Words& words) {  // INPUT DROP [12:3456], or: name - [0:0]
        if (words.size() < 2) {
            return false;
        }
        Table& table = tables_.back();
        Chain chain{.name = std::string(words[0])};
        if (words[1] != "-") {
            chain.base = iptables_base_chain(table.name, chain.name);
            if (!chain.base) {
                return false;
            }
            chain.base->policy_drops = words[1] == "DROP";
            chain.base->policy_packets = words.size() > 2 ? packets_of(words[2]) : std::nullopt;
        }
        table.chains.push_back(std::move(chain));
        return true;
    }

    bool parse_rule(std::string_view line) {  // [12:3456] -A INPUT -p tcp -j DROP
        Rule rule;
        const std::size_t space = std::min(line.find(' '), line.size());
        if (const auto packets = packets_of(line.substr(0, space))) {
            rule.counter = {.packets = *packets, .exact = true};
            line.remove_prefix(std::min(space + 1, line.size()));
        }
        rule.text = std::string(line);
        const Words words = words_of(line);
        Table& table = tables_.back();
        Chain* chain = words.size() >= 2 ? find_chain(table, words[1]) : nullptr;
        if (chain == nullptr || words[0] != "-A") {
            return false;
        }
        const auto option = target_of(words);
        if (option != words.end() && option + 1 != words.end()) {
            rule.effects.push_back(effect_of(*option, option[1], table));
            const RuleEffect::Kind kind = rule.effects.front().kind;
            const auto at = static_cast<std::size_t>(option - words.begin());
            rule.unconditional = kind != Kind::may_drop && matches_everything(words, at);
            rule.match = iptables_match(std::span(words).first(at).subspan(2));
            rule.match.is_complete &= kind != Kind::may_drop;
            rule.sets_mark = target_sets_mark(option[1]);
            rule.sets_tracking = target_sets_tracking(option[1]);
        }
        rule.handle = chain->rules.size() + 1;
        chain->rules.push_back(std::move(rule));
        return true;
    }

    TableFamily family_;
    RulesetTool tool_;
    std::vector<Table> tables_;
};

}  // namespace

Result<std::vector<Table>> parse_iptables_save(std::string_view text, TableFamily family,
                                               RulesetTool tool) {
    SaveReader reader(family, tool);
    QuotedLines all = quoted_lines(text, Backslash::escapes);
    all.lines.push_back(all.rest);
    for (const std::string_view line : all.lines) {
        if (!reader.parse_line(line)) {
            return fail({.operation = "read the rules",
                         .object = std::string(name_of(tool, family)),
                         .reason = fmt::format("not in its save format: {}", line)});
        }
    }
    return std::move(reader).result();
}

}  // namespace flowstamp::netfilter
