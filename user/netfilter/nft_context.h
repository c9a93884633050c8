// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <memory>
#include <string>

#include "user/base/result.h"

struct nft_ctx;

namespace flowstamp::netfilter {

/// A libnftables handle on nf_tables of the network namespace of the thread that opened it, even if
/// another thread uses it. Move-only.
class NftContext {
  public:
    static Result<NftContext> open();

    /// Runs commands as `nft` does, and returns the output; `flags` are NFT_CTX_OUTPUT_*. An error
    /// quotes nft's first line; its errno is EPERM if nft reports that.
    Result<std::string> run(const std::string& commands, unsigned flags = 0) const;

  private:
    struct Free {
        void operator()(nft_ctx* context) const;
    };
    explicit NftContext(nft_ctx* context) : context_(context) {}

    std::unique_ptr<nft_ctx, Free> context_;
};

}  // namespace flowstamp::netfilter
