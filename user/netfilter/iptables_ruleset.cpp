// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/iptables_ruleset.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <utility>

#include "user/base/process.h"
#include "user/netfilter/iptables_chains.h"
#include "user/netfilter/iptables_save.h"

namespace flowstamp::netfilter {
namespace {

constexpr std::array kFamilies{TableFamily::ip, TableFamily::ip6};

/// Names of the legacy tables that exist in this thread's namespace.
std::vector<std::string> legacy_table_names(TableFamily family) {
    std::ifstream file(fmt::format("/proc/thread-self/net/{}_tables_names", name_of(family)));
    return {std::istream_iterator<std::string>(file), {}};
}

/// Runs one of the save programs and parses its output.
Result<std::vector<Table>> save(Argv argv, TableFamily family, RulesetTool tool) {
    argv.insert(argv.begin() + 1, "-c");
    const Result<CommandOutput> output = run_command(argv);
    if (!output) {
        return std::unexpected(output.error());
    }
    if (output->status != 0) {
        return fail({.operation = "run",
                     .object = argv[0],
                     .reason = output->err.substr(0, output->err.find('\n'))});
    }
    return parse_iptables_save(output->out, family, tool);
}

std::string save_program(RulesetTool tool, TableFamily family) {
    return fmt::format("{}-save", name_of(tool, family));
}

Result<std::vector<Table>> save_legacy(const std::string& table, TableFamily family) {
    constexpr RulesetTool tool = RulesetTool::iptables_legacy;
    return save({save_program(tool, family), "-t", table}, family, tool);
}

/// Rules are paired by position in the chain: both tools list them in the kernel's order.
bool same_rules(const Table& table, const Table& saved) {
    return std::ranges::all_of(table.chains, [&](const Chain& chain) {
        const Chain* other = find_chain(saved, chain.name);
        return other != nullptr && other->rules.size() == chain.rules.size();
    });
}

}  // namespace

std::vector<Table> read_legacy_tables(std::vector<std::string>& unread) {
    std::vector<Table> tables;
    for (const TableFamily family : kFamilies) {
        for (const std::string& name : legacy_table_names(family)) {
            Result<std::vector<Table>> saved = save_legacy(name, family);
            if (!saved) {
                unread.push_back(fmt::format("{}, table {}: {}",
                                             name_of(RulesetTool::iptables_legacy, family), name,
                                             saved.error().message()));
                continue;
            }
            std::ranges::move(*saved, std::back_inserter(tables));
        }
    }
    return tables;
}

std::vector<std::string> save_programs() {
    std::vector<std::string> programs;
    for (const RulesetTool tool : {RulesetTool::iptables_nft, RulesetTool::iptables_legacy}) {
        for (const TableFamily family : kFamilies) {
            programs.push_back(save_program(tool, family));
        }
    }
    return programs;
}

void add_iptables_text(std::vector<Table>& tables) {
    for (const TableFamily family : kFamilies) {
        const auto made_by_iptables = [&](const Table& table) {
            return table.family == family && shaped_by_iptables(table);
        };
        if (std::ranges::none_of(tables, made_by_iptables)) {
            continue;
        }
        constexpr RulesetTool tool = RulesetTool::iptables_nft;
        const auto saved = save({save_program(tool, family)}, family, tool);
        for (Table& table : tables) {
            if (made_by_iptables(table)) {
                copy_iptables_text(table, saved.value_or(std::vector<Table>{}));
            }
        }
    }
}

void copy_iptables_text(Table& table, const std::vector<Table>& saved) {
    const auto own = std::ranges::find(saved, table.name, &Table::name);
    if (own == saved.end() || !same_rules(table, *own)) {
        return;
    }
    table.tool = RulesetTool::iptables_nft;
    for (Chain& chain : table.chains) {
        const Chain& from = *find_chain(*own, chain.name);
        for (std::size_t i = 0; i < chain.rules.size(); ++i) {
            chain.rules[i].text = from.rules[i].text;
            chain.rules[i].match = from.rules[i].match;
            chain.rules[i].sets_mark = from.rules[i].sets_mark;
            chain.rules[i].sets_tracking = from.rules[i].sets_tracking;
        }
        if (chain.base && from.base) {
            chain.base->policy_packets = from.base->policy_packets;
        }
    }
}

}  // namespace flowstamp::netfilter
