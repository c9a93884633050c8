// SPDX-License-Identifier: Apache-2.0
#include "user/path/nft_ruleset.h"

#include <string>

#include "user/path/nft_context.h"
#include "user/path/nft_json.h"
#include "user/path/nft_text.h"

extern "C" {
#include <nftables/libnftables.h>
}

namespace flowstamp {
namespace {

constexpr const char* kList = "list ruleset";

/// The JSON, with sets' elements only if they are needed: sets can be huge.
Result<std::string> list_json(const NftContext& nft) {
    Result<std::string> json = nft.run(kList, NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_TERSE);
    if (json && uses_named_verdict_maps(*json)) {
        return nft.run(kList, NFT_CTX_OUTPUT_JSON);
    }
    return json;
}

}  // namespace

Result<std::vector<Table>> read_nft_tables() {
    const Result<NftContext> nft = NftContext::open();
    if (!nft) {
        return std::unexpected(nft.error());
    }
    const Result<std::string> json = list_json(*nft);
    if (!json) {
        return std::unexpected(json.error());
    }
    Result<std::vector<Table>> tables = parse_nft_json(*json);
    if (!tables || tables->empty()) {
        return tables;
    }
    const Result<std::string> text =
        nft->run(kList, NFT_CTX_OUTPUT_HANDLE | NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_TERSE);
    if (!text) {
        return std::unexpected(text.error());
    }
    add_nft_text(*tables, *text);
    return tables;
}

}  // namespace flowstamp
