// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A forged reset beside the genuine one that it copies: both answer the same segment.
#pragma once

#include "user/base/result.h"
#include "user/cmd/demo/act.h"
#include "user/lab/segment.h"

namespace flowstamp::cmd::demo {

/// Two resets as the client received them, from the Ethernet header on, in the order in which they
/// came. One is the firewall's, one the server's kernel's.
struct Twins {
    lab::Frame first, second;

    [[nodiscard]] std::size_t differing_bytes() const;
};

/// Has the server's socket vanish without a word, and the client speak once more: the server's
/// kernel answers with a reset, and so does the firewall, as `injection` has it. Fails unless
/// exactly two resets arrive, one of them forged.
[[nodiscard]] Result<Twins> make_twins(const DemoContext& context, lab::Injection injection);

}  // namespace flowstamp::cmd::demo
