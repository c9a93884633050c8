// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/nft_context.h"

#include <cerrno>

extern "C" {
#include <nftables/libnftables.h>
}

namespace flowstamp::netfilter {

void NftContext::Free::operator()(nft_ctx* context) const {
    nft_ctx_free(context);
}

Result<NftContext> NftContext::open() {
    errno = 0;
    NftContext context(nft_ctx_new(NFT_CTX_DEFAULT));
    if (!context.context_ || nft_ctx_buffer_output(context.context_.get()) != 0 ||
        nft_ctx_buffer_error(context.context_.get()) != 0) {
        return fail_errno("open", "nf_tables", errno == 0 ? ENOMEM : errno);
    }
    return context;
}

Result<std::string> NftContext::run(const std::string& commands, unsigned flags) const {
    nft_ctx_output_set_flags(context_.get(), flags);
    if (nft_run_cmd_from_buffer(context_.get(), commands.c_str()) != 0) {
        const std::string message = nft_ctx_get_error_buffer(context_.get());
        nft_ctx_get_output_buffer(context_.get());  // reading clears it
        const bool forbidden = message.contains("Operation not permitted");
        return fail({.operation = "run nft",
                     .object = commands.substr(0, commands.find('\n')),
                     .errno_value = forbidden ? EPERM : 0,
                     .reason = message.substr(0, message.find('\n')),
                     .hint = forbidden ? "it takes CAP_NET_ADMIN" : ""});
    }
    nft_ctx_get_error_buffer(context_.get());
    return std::string(nft_ctx_get_output_buffer(context_.get()));
}

}  // namespace flowstamp::netfilter
