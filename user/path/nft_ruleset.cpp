// SPDX-License-Identifier: Apache-2.0
#include "user/path/nft_ruleset.h"

#include <cerrno>
#include <memory>
#include <string>

#include "user/path/nft_json.h"
#include "user/path/nft_text.h"

extern "C" {
#include <nftables/libnftables.h>
}

namespace flowstamp {
namespace {

struct FreeContext {
    void operator()(nft_ctx* context) const { nft_ctx_free(context); }
};
using Context = std::unique_ptr<nft_ctx, FreeContext>;

/// `list ruleset` with the NFT_CTX_OUTPUT_* `flags`.
Result<std::string> list_ruleset(unsigned flags) {
    const Context context(nft_ctx_new(NFT_CTX_DEFAULT));
    if (!context || nft_ctx_buffer_output(context.get()) != 0 ||
        nft_ctx_buffer_error(context.get()) != 0) {
        return fail_errno("read the nft ruleset", {}, errno);
    }
    nft_ctx_output_set_flags(context.get(), flags);
    errno = 0;
    if (nft_run_cmd_from_buffer(context.get(), "list ruleset") != 0) {
        const std::string said = nft_ctx_get_error_buffer(context.get());
        return fail({.operation = "read the nft ruleset",
                     .errno_value = said.contains("Operation not permitted") ? EPERM : 0,
                     .reason = said.substr(0, said.find('\n')),
                     .hint = "it takes CAP_NET_ADMIN"});
    }
    return std::string(nft_ctx_get_output_buffer(context.get()));
}

/// The JSON, with sets' elements only if they are needed: sets can be huge.
Result<std::string> list_json() {
    Result<std::string> json = list_ruleset(NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_TERSE);
    if (json && uses_named_verdict_maps(*json)) {
        return list_ruleset(NFT_CTX_OUTPUT_JSON);
    }
    return json;
}

}  // namespace

Result<std::vector<Table>> read_nft_tables() {
    const Result<std::string> json = list_json();
    if (!json) {
        return std::unexpected(json.error());
    }
    Result<std::vector<Table>> tables = parse_nft_json(*json);
    if (!tables || tables->empty()) {
        return tables;
    }
    const Result<std::string> text =
        list_ruleset(NFT_CTX_OUTPUT_HANDLE | NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_TERSE);
    if (!text) {
        return std::unexpected(text.error());
    }
    add_nft_text(*tables, *text);
    return tables;
}

}  // namespace flowstamp
