// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A forged reset and the genuine one that it copies: both answer the same segment.
#pragma once

#include "user/base/result.h"
#include "user/cmd/demo/download_run.h"
#include "user/lab/segment.h"

namespace flowstamp::cmd::demo {

/// Two resets as the client received them, from the Ethernet header on, in order of arrival. One is
/// the firewall's, one the server kernel's.
struct ResetPair {
    lab::Frame first, second;

    [[nodiscard]] std::size_t differing_bytes() const;
};

/// Makes the server's socket disappear silently, and the client send once more: the server's kernel
/// answers with a reset, and so does the firewall, as `injection` says. Fails unless exactly two
/// resets arrive, one of them forged.
[[nodiscard]] Result<ResetPair> make_reset_pair(const DemoContext& context,
                                                lab::Injection injection);

}  // namespace flowstamp::cmd::demo
