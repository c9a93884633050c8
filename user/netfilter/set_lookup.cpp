// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/set_lookup.h"

#include <fmt/format.h>

#include <optional>

#include "user/base/process.h"
#include "user/netfilter/nft_context.h"

namespace flowstamp::netfilter {
namespace {

/// Nothing: it has no such element, or it could not be asked.
std::optional<bool> ask_nft(const NftContext& nft, const SetQuery& query) {
    const auto found = nft.run(fmt::format("get element {} {} {} {{ {} }}", query.set.family,
                                           query.set.table, query.set.name, query.element));
    if (found) {
        return true;
    }
    // A set that is gone gives the same error, but its rules would be gone, too.
    return found.error().reason.contains("No such file or directory") ? std::optional(false)
                                                                      : std::nullopt;
}

std::optional<bool> ask_ipset(const SetQuery& query) {
    const Result<CommandOutput> output =
        run_command({"ipset", "test", query.set.name, query.element});
    if (output && output->status == 0) {
        return true;
    }
    return output && output->err.contains("is NOT in set") ? std::optional(false) : std::nullopt;
}

void add_queries(std::set<SetQuery>& queries, const RuleMatch& match, const PacketHeaders& packet) {
    if (match.memberships.empty() || matches(match, packet) == Matches::no) {
        return;
    }
    for (const Membership& membership : match.memberships) {
        const auto query = set_query(membership, packet);
        if (query && queries.size() < kSetQueriesMost) {
            queries.insert(*query);
        }
    }
}

}  // namespace

std::set<SetQuery> set_queries(const Ruleset& ruleset, const std::vector<PacketHeaders>& packets) {
    std::set<SetQuery> queries;
    for (const Table& table : ruleset.tables) {
        for (const Chain& chain : table.chains) {
            for (const Rule& rule : chain.rules) {
                for (const PacketHeaders& packet : packets) {
                    add_queries(queries, rule.match, packet);
                }
            }
        }
    }
    return queries;
}

SetAnswers look_up(const std::set<SetQuery>& queries) {
    SetAnswers answers;
    if (queries.empty()) {
        return answers;
    }
    const Result<NftContext> nft = NftContext::open();
    for (const SetQuery& query : queries) {
        const std::optional<bool> answer = query.set.is_ipset() ? ask_ipset(query)
                                           : nft                ? ask_nft(*nft, query)
                                                                : std::nullopt;
        if (answer) {
            answers.emplace(query, *answer);
        }
    }
    return answers;
}

}  // namespace flowstamp::netfilter
