// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/nft_ruleset.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "user/netfilter/nft_context.h"
#include "user/netfilter/nft_json.h"
#include "user/netfilter/nft_text.h"

extern "C" {
#include <nftables/libnftables.h>
}

namespace flowstamp::netfilter {
namespace {

constexpr const char* kList = "list ruleset";

/// All as JSON, with sets' elements only if they are needed: sets can be huge.
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

/// The same without a word on tables themselves: libnftables 1.0.6 writes the JSON of a table's
/// flag from memory that it has freed, and breaks off there.
Result<std::vector<Table>> list_by_chain(const NftContext& nft, std::vector<Table> outline) {
    // One command a time: together they would share a cache that lacks what some of them need.
    std::vector<std::string> commands{"list counters", "list maps"};
    for (Table& table : outline) {
        for (const Chain& chain : table.chains) {
            commands.push_back(
                fmt::format("list chain {} {} {}", name_of(table.family), table.name, chain.name));
        }
        table.chains.clear();  // the listings bring them
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

}  // namespace

Result<std::vector<Table>> read_nft_tables() {
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
    return tables;
}

}  // namespace flowstamp::netfilter
