// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/read_ruleset.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "user/netfilter/ipset_types.h"
#include "user/netfilter/iptables_ruleset.h"
#include "user/netfilter/nft_context.h"
#include "user/netfilter/nft_json.h"
#include "user/netfilter/nft_text.h"
#include "user/netfilter/quoted_lines.h"

extern "C" {
#include <nftables/libnftables.h>
}

namespace flowstamp::netfilter {
namespace {

constexpr const char* kList = "list ruleset";

/// Lists everything as JSON, with set elements only if needed: sets can be huge.
Result<std::vector<Table>> list_whole(const NftContext& nft) {
    Result<std::string> json = nft.run(kList, NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_TERSE);
    if (json && uses_named_verdict_maps(*json)) {
        json = nft.run(kList, NFT_CTX_OUTPUT_JSON);
    }
    if (!json) {
        return std::unexpected(json.error());
    }
    return parse_nft_json(*json);
}

/// The same without the table objects themselves: for a table with flags, libnftables 1.0.6 writes
/// JSON from freed memory, and stops there.
Result<std::vector<Table>> list_by_chain(const NftContext& nft, std::vector<Table> outline) {
    // One command at a time: in one batch they would share a cache that lacks what some of them
    // need.
    std::vector<std::string> commands{"list counters", "list maps"};
    for (Table& table : outline) {
        for (const Chain& chain : table.chains) {
            commands.push_back(
                fmt::format("list chain {} {} {}", name_of(table.family), table.name, chain.name));
        }
        table.chains.clear();  // the listings contain them
    }
    std::string listings;
    for (const std::string& command : commands) {
        const Result<std::string> json = nft.run(command, NFT_CTX_OUTPUT_JSON);
        if (!json) {
            return std::unexpected(json.error());
        }
        listings += *json;
    }
    return parse_nft_json(listings, std::move(outline));
}

/// All nf_tables tables of the calling thread's network namespace, those of iptables-nft as nft
/// lists them. Empty if the kernel has no nf_tables. Fails without CAP_NET_ADMIN. Names in `unread`
/// what cannot be trusted.
Result<std::vector<Table>> read_nft_tables(std::vector<std::string>& unread) {
    const Result<NftContext> nft = NftContext::open();
    if (!nft) {
        return std::unexpected(nft.error());
    }
    const Result<std::string> text =
        nft->run(kList, NFT_CTX_OUTPUT_HANDLE | NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_TERSE);
    if (!text) {
        return std::unexpected(text.error());
    }
    Result<std::vector<Table>> tables =
        has_table_flags(*text) ? list_by_chain(*nft, nft_outline(*text)) : list_whole(*nft);
    if (tables) {
        add_nft_text(*tables, *text);
    }
    if (nft_lines(*text).ends_in_quotes) {
        unread.emplace_back("nft: a quotation mark in a rule's text leaves open where it ends");
    }
    return tables;
}

}  // namespace

Result<Ruleset> read_ruleset() {
    Ruleset ruleset;
    Result<std::vector<Table>> tables = read_nft_tables(ruleset.unread);
    if (!tables && tables.error().errno_value == EPERM) {
        return std::unexpected(tables.error());
    }
    if (tables) {
        ruleset.tables = std::move(*tables);
        add_iptables_text(ruleset.tables);
    } else {
        ruleset.unread.push_back(tables.error().message());
    }
    std::ranges::move(read_legacy_tables(ruleset.unread), std::back_inserter(ruleset.tables));
    if (uses_ipsets(ruleset)) {
        name_ipset_fields(ruleset, read_ipset_types());
    }
    return ruleset;
}

}  // namespace flowstamp::netfilter
