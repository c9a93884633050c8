// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/nft_json.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <istream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <tuple>

#include "user/netfilter/nft_match.h"
#include "user/netfilter/xtables_targets.h"

namespace flowstamp::netfilter {
namespace {

using Json = nlohmann::json;
using Kind = RuleEffect::Kind;
/// A named object's family, table and name.
using ObjectName = std::tuple<std::string, std::string, std::string>;

/// Objects that rules refer to by name.
struct NamedObjects {
    std::map<ObjectName, std::uint64_t> counters;  ///< -> packets
    std::map<ObjectName, Json> verdict_maps;       ///< -> elements
    std::set<NamedSet> volatile_sets;              ///< whose elements come and go by themselves
};

ObjectName name_in(const Json& object, const std::string& name) {
    return {object.value("family", ""), object.value("table", ""), name};
}

/// The effect of a statement that is a verdict ({"drop": null}), or nothing.
std::optional<RuleEffect> verdict(const std::string& name, const Json& value) {
    static const std::map<std::string, Kind, std::less<>> kinds{
        {"drop", Kind::drops},        {"reject", Kind::rejects},      {"accept", Kind::accepts},
        {"return", Kind::returns},    {"jump", Kind::jumps},          {"goto", Kind::goes},
        {"queue", Kind::queues},      {"snat", Kind::may_drop},       {"dnat", Kind::may_drop},
        {"redirect", Kind::may_drop}, {"masquerade", Kind::may_drop}, {"synproxy", Kind::may_drop},
        {"tproxy", Kind::may_drop},   {"fwd", Kind::may_drop}};
    const auto kind = kinds.find(name);
    if (kind == kinds.end()) {
        return std::nullopt;
    }
    const bool has_target = value.is_object() && value.contains("target");
    return RuleEffect{.kind = kind->second, .chain = has_target ? value.at("target") : ""};
}

/// The effect of a target of xtables, in a rule made by iptables-nft. Plain DROP, ACCEPT and jumps
/// are nft's own verdicts there.
RuleEffect xtables_target(const std::string& name) {
    if (name == "REJECT") {
        return {.kind = Kind::rejects};
    }
    if (name == "NFQUEUE") {
        return {.kind = Kind::queues};
    }
    static constexpr std::array non_terminating{
        "LOG", "NFLOG", "MARK",  "CONNMARK", "CT",       "NOTRACK",     "TCPMSS",
        "TOS", "DSCP",  "TTL",   "HL",       "CLASSIFY", "AUDIT",       "TRACE",
        "TEE", "SET",   "HMARK", "CHECKSUM", "SECMARK",  "CONNSECMARK", "TCPOPTSTRIP"};
    const bool continues = std::ranges::find(non_terminating, name) != non_terminating.end();
    return {.kind = continues ? Kind::other : Kind::may_drop};
}

/// The choices of a verdict map: [[22, {"accept": null}], ["*", {"drop": null}], ...].
std::vector<VerdictChoice> map_choices(const Json& key, const Json& elements) {
    std::vector<VerdictChoice> choices;
    for (const Json& element : elements) {
        VerdictChoice choice{.effect = {.kind = Kind::may_drop}};
        if (element.is_array() && element.size() == 2) {
            choice.is_default = element[0] == "*";
            choice.key = choice.is_default ? Conditions() : nft_element_conditions(key, element[0]);
            const Json& data = element[1];
            if (data.is_object() && !data.empty()) {
                choice.effect = verdict(data.begin().key(), data.begin().value())
                                    .value_or(RuleEffect{.kind = Kind::may_drop});
            }
        }
        choices.push_back(std::move(choice));
    }
    return choices;
}

/// Reads a rule's statements in order.
class RuleReader {
  public:
    RuleReader(const Json& rule, const NamedObjects& objects)
        : json_(rule),
          objects_(objects),
          scope_{.family = rule.value("family", ""),
                 .table = rule.value("table", ""),
                 .volatile_sets = &objects.volatile_sets} {
        rule_.handle = rule.value("handle", std::uint64_t{0});
        for (const Json& statement : rule.value("expr", Json::array())) {
            if (statement.is_object() && !statement.empty()) {
                consume(statement.begin().key(), statement.begin().value());
            } else {
                unclear_condition();
            }
        }
        rule_.unconditional = !conditional_ && !rule_.effects.empty();
        rule_.match.is_complete = !is_unclear_;
    }
    Rule result() && { return std::move(rule_); }

  private:
    void consume(const std::string& name, const Json& value) {
        if (name == "counter") {
            count(value);
        } else if (name == "vmap") {
            decide_by_map(value);
        } else if (name == "xt") {
            read_xtables(value);
        } else if (const auto effect = verdict(name, value)) {
            rule_.effects.push_back(*effect);
            if (effect->kind == Kind::may_drop) {  // in exceptional cases only
                unclear_effect();
            } else if (effect->kind == Kind::rejects && value.is_object()) {
                reject(value.value("type", ""));
            }
        } else if (name == "match") {
            add_nft_match(rule_.match, value, scope_) ? condition() : unclear_condition();
        } else if (name == "mangle" && value.value("key", Json()).contains("meta")) {
            rule_.sets_mark = true;
        } else if (name == "notrack") {
            rule_.sets_tracking = true;
        } else if (name != "log") {
            unclear_condition();  // a limit, or a change that may end the rule for a packet
        }
    }

    /// `reject with icmp` applies to IPv4 only, even in an inet table: the listing omits that condition.
    void reject(const std::string& type) {
        conditional_ = true;
        if (type == "icmp" || type == "icmpv6") {
            rule_.match.conditions.push_back(
                {.field = Field::is_v4, .ranges = {number(type == "icmp" ? 1 : 0)}});
        } else if (type == "tcp reset") {
            rule_.match.conditions.push_back(
                {.field = Field::protocol, .ranges = {number(IPPROTO_TCP)}});
        }
    }
    static Condition::Range number(std::uint64_t its) { return {value_of(its), value_of(its)}; }

    void unclear_effect() { conditional_ = is_unclear_ = true; }

    void count(const Json& value) {
        if (value.is_object()) {
            rule_.counter = {.packets = value.value("packets", std::uint64_t{0}), .exact = true};
        } else if (value.is_string()) {  // a named counter: other rules may use it too
            const auto found = objects_.counters.find(name_in(json_, value));
            if (found != objects_.counters.end()) {
                rule_.counter = {.packets = found->second, .exact = false};
            }
        }
    }

    void decide_by_map(const Json& value) {
        condition();
        const Json data = value.value("data", Json());
        const Json key = value.value("key", Json());
        if (data.is_object() && data.contains("set")) {
            rule_.choices = map_choices(key, data.at("set"));
        } else {
            const std::string name = data.is_string() ? data.get<std::string>() : "";  // "@name"
            const auto found =
                objects_.verdict_maps.find(name_in(json_, name.empty() ? name : name.substr(1)));
            rule_.choices = found != objects_.verdict_maps.end()
                                ? map_choices(key, found->second)
                                : std::vector<VerdictChoice>{{.effect = {.kind = Kind::may_drop}}};
        }
        for (const VerdictChoice& choice : rule_.choices) {
            rule_.effects.push_back(choice.effect);
        }
    }

    /// {"type": "match" or "target", "name": ...}; older versions write null.
    void read_xtables(const Json& value) {
        const bool known = value.is_object() && value.contains("name");
        if (known && value.value("type", "") == "target") {
            const std::string target = value.at("name");
            const RuleEffect effect = xtables_target(target);
            rule_.effects.push_back(effect);
            rule_.sets_mark |= target_sets_mark(target);
            rule_.sets_tracking |= target_sets_tracking(target);
            if (effect.kind == Kind::may_drop || effect.kind == Kind::rejects) {
                unclear_effect();
            }
            return;
        }
        if (!known) {
            rule_.effects.push_back({.kind = Kind::may_drop});
        }
        unclear_condition();
    }

    /// From here on not every packet reaches the next statement, nor the effect every packet
    /// counted.
    void condition() {
        conditional_ = true;
        if (rule_.counter) {
            rule_.counter->exact = false;
        }
    }

    /// One of which nothing is concluded.
    void unclear_condition() {
        condition();
        is_unclear_ = true;
    }

    const Json& json_;
    const NamedObjects& objects_;
    NftScope scope_;
    Rule rule_;
    bool conditional_ = false;
    bool is_unclear_ = false;
};

/// The set that a rule of `item` changes for packets that reach it; empty: none.
std::string changed_set(const Json& statement) {
    const Json its = statement.is_object() ? statement.value("set", Json()) : Json();
    const std::string name = its.is_object() ? its.value("set", "") : "";
    return name.starts_with('@') ? name.substr(1) : "";
}

bool has_flag(const Json& object, const std::string& flag) {
    const Json flags = object.value("flags", Json());
    return flags == flag ||
           (flags.is_array() && std::ranges::find(flags, Json(flag)) != flags.end());
}

void find_volatile_sets(const Json& item, std::set<NamedSet>& found) {
    const auto note = [&](const Json& object, const std::string& name) {
        found.insert({.family = object.value("family", ""),
                      .table = object.value("table", ""),
                      .name = name,
                      .is_volatile = true});
    };
    if (item.contains("set")) {
        const Json& set = item.at("set");
        if (set.contains("timeout") || has_flag(set, "timeout") || has_flag(set, "dynamic")) {
            note(set, set.value("name", ""));
        }
    } else if (item.contains("rule")) {
        for (const Json& statement : item.at("rule").value("expr", Json::array())) {
            if (const std::string name = changed_set(statement); !name.empty()) {
                note(item.at("rule"), name);
            }
        }
    }
}

NamedObjects named_objects(const Json& listing) {
    NamedObjects objects;
    for (const Json& item : listing) {
        find_volatile_sets(item, objects.volatile_sets);
        if (item.contains("counter")) {
            const Json& counter = item.at("counter");
            objects.counters[name_in(counter, counter.value("name", ""))] =
                counter.value("packets", std::uint64_t{0});
        } else if (item.contains("map") && item.at("map").value("map", "") == "verdict") {
            const Json& map = item.at("map");
            objects.verdict_maps[name_in(map, map.value("name", ""))] =
                map.value("elem", Json::array());
        }
    }
    return objects;
}

std::vector<std::string> strings(const Json& one_or_many) {
    if (one_or_many.is_string()) {
        return {one_or_many.get<std::string>()};
    }
    return one_or_many.is_array() ? one_or_many.get<std::vector<std::string>>()
                                  : std::vector<std::string>{};
}

Chain read_chain(const Json& json) {
    Chain chain{.name = json.at("name")};
    const auto hook = hook_named(json.value("hook", ""));
    if (hook) {
        chain.base = {.hook = *hook,
                      .priority = json.value("prio", 0),
                      .policy_drops = json.value("policy", "accept") == "drop",
                      .policy_packets = {},
                      .devices = strings(json.value("dev", Json()))};
    }
    return chain;
}

class TablesReader {
  public:
    TablesReader(const Json& listing, std::vector<Table> tables)
        : objects_(named_objects(listing)), tables_(std::move(tables)) {
        for (const Json& item : listing) {
            consume(item);
        }
    }
    std::vector<Table> result() && { return std::move(tables_); }

  private:
    void consume(const Json& item) {
        if (item.contains("table")) {
            const Json& table = item.at("table");
            if (const auto family = family_named(table.value("family", ""))) {
                tables_.push_back({.family = *family,
                                   .name = table.at("name"),
                                   .dormant = has_flag(table, "dormant")});
            }
        } else if (item.contains("chain")) {
            const Json& chain = item.at("chain");
            if (Table* table = table_of(chain)) {
                table->chains.push_back(read_chain(chain));
            }
        } else if (item.contains("rule")) {
            const Json& rule = item.at("rule");
            Table* table = table_of(rule);
            Chain* chain = table == nullptr ? nullptr : find_chain(*table, rule.value("chain", ""));
            if (chain != nullptr) {
                chain->rules.push_back(RuleReader(rule, objects_).result());
            }
        }
    }

    Table* table_of(const Json& json) {
        const auto family = family_named(json.value("family", ""));
        const std::string name = json.value("table", "");
        const auto found = std::ranges::find_if(tables_, [&](const Table& table) {
            return table.family == family && table.name == name;
        });
        return found == tables_.end() ? nullptr : &*found;
    }

    NamedObjects objects_;
    std::vector<Table> tables_;
};

std::unexpected<Error> not_a_ruleset(std::string reason) {
    return fail({.operation = "read the nft ruleset", .reason = std::move(reason)});
}

}  // namespace

Result<std::vector<Table>> parse_nft_json(const std::string& json, std::vector<Table> tables) {
    try {
        std::istringstream in(json);
        Json listing = Json::array();
        do {
            Json one;
            in >> one;
            const Json& items = one.at("nftables");
            listing.insert(listing.end(), items.begin(), items.end());
        } while (!(in >> std::ws).eof());
        return TablesReader(listing, std::move(tables)).result();
    } catch (const Json::exception& trouble) {
        return not_a_ruleset(trouble.what());
    }
}

bool uses_named_verdict_maps(std::string_view json) {
    const Json root = Json::parse(json, nullptr, false);
    if (!root.is_object() || !root.contains("nftables")) {
        return false;
    }
    for (const Json& item : root.at("nftables")) {
        for (const Json& statement :
             item.value("rule", Json::object()).value("expr", Json::array())) {
            if (statement.contains("vmap") &&
                statement.at("vmap").value("data", Json()).is_string()) {
                return true;
            }
        }
    }
    return false;
}

}  // namespace flowstamp::netfilter
