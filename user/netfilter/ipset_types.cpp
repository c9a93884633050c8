// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/ipset_types.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <string>

#include "user/base/process.h"

namespace flowstamp::netfilter {
namespace {

/// The field that a dimension compares; `at` is what its direction left: source or destination.
std::optional<Field> field_of(const std::string& dimension, Field at) {
    const bool is_source = at == Field::source;
    if (dimension == "ip" || dimension == "net") {
        return at;
    }
    if (dimension == "port") {
        return is_source ? Field::source_port : Field::destination_port;
    }
    if (dimension == "iface") {
        return is_source ? Field::in_interface : Field::out_interface;
    }
    return dimension == "mark" ? std::optional(Field::mark) : std::nullopt;
}

/// False: the set's elements are not understood.
bool name_fields(Membership& membership, const IpsetTypes& types) {
    const auto type = types.find(membership.set.name);
    if (type == types.end() || type->second.dimensions.size() != membership.fields.size()) {
        return false;
    }
    for (std::size_t i = 0; i < membership.fields.size(); i++) {
        const auto field = field_of(type->second.dimensions[i], membership.fields[i]);
        if (!field) {
            return false;
        }
        membership.fields[i] = *field;
    }
    membership.set.is_volatile = type->second.expires;
    return true;
}

template <class Visit>
void each_match(Ruleset& ruleset, Visit visit) {
    for (Table& table : ruleset.tables) {
        for (Chain& chain : table.chains) {
            for (Rule& rule : chain.rules) {
                visit(rule.match);
            }
        }
    }
}

bool is_of_ipset(const Membership& membership) {
    return membership.set.is_ipset();
}

}  // namespace

IpsetTypes parse_ipset_types(std::string_view listing) {
    IpsetTypes types;
    std::istringstream lines{std::string(listing)};
    std::string name;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("Name: ")) {
            name = line.substr(6);
        } else if (const std::size_t colon = line.find(':', 6); line.starts_with("Type: ")) {
            std::istringstream parts(colon == std::string::npos ? "" : line.substr(colon + 1));
            for (std::string part; std::getline(parts, part, ',');) {
                types[name].dimensions.push_back(part);
            }
        } else if (line.starts_with("Header: ")) {
            types[name].expires = line.contains(" timeout ");
        }
    }
    return types;
}

IpsetTypes read_ipset_types() {
    const Result<CommandOutput> output = run_command({"ipset", "list", "-terse"});
    return output && output->status == 0 ? parse_ipset_types(output->out) : IpsetTypes{};
}

bool uses_ipsets(const Ruleset& ruleset) {
    return std::ranges::any_of(ruleset.tables, [](const Table& table) {
        return std::ranges::any_of(table.chains, [](const Chain& chain) {
            return std::ranges::any_of(chain.rules, [](const Rule& rule) {
                return std::ranges::any_of(rule.match.memberships, is_of_ipset);
            });
        });
    });
}

void name_ipset_fields(Ruleset& ruleset, const IpsetTypes& types) {
    each_match(ruleset, [&](RuleMatch& match) {
        const std::size_t unknown = std::erase_if(match.memberships, [&](Membership& membership) {
            return is_of_ipset(membership) && !name_fields(membership, types);
        });
        match.is_complete &= unknown == 0;
    });
}

}  // namespace flowstamp::netfilter
