// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/other_program.h"

#include <fmt/format.h>

#include "user/pathtrace/station_plan.h"

namespace flowstamp::pathtrace {

std::string OtherProgram::text() const {
    if (id == 0) {
        return fmt::format("a BPF program or kernel module at priority {}", priority);
    }
    return fmt::format("BPF program {}{}(id {})", name, name.empty() ? "" : " ", id);
}

void add_programs(netfilter::Ruleset& ruleset, const std::vector<OtherProgram>& programs) {
    for (const OtherProgram& its : programs) {
        const bool is_sure = its.id != 0 && its.is_here;
        netfilter::Rule rule{.handle = its.id, .text = its.text()};
        rule.effects = {{.kind = is_sure ? netfilter::RuleEffect::Kind::drops
                                         : netfilter::RuleEffect::Kind::may_drop}};
        netfilter::Chain chain{
            .name = fmt::format("{} {}", name_of(hook_of(its.hook)), its.priority),
            .base = netfilter::BaseChain{.hook = hook_of(its.hook), .priority = its.priority}};
        chain.rules.push_back(std::move(rule));
        netfilter::Table table{
            .family = family_of(its.pf), .name = "bpf", .tool = netfilter::RulesetTool::bpf};
        table.chains.push_back(std::move(chain));
        ruleset.tables.push_back(std::move(table));
    }
}

}  // namespace flowstamp::pathtrace
