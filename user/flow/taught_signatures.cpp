// SPDX-License-Identifier: Apache-2.0
#include "user/flow/taught_signatures.h"

#include <algorithm>
#include <span>

namespace flowstamp {

namespace {

bool same_signature(const fs_taught& a, const fs_taught& b) {
    return a.flags == b.flags && a.ip_id == b.ip_id && a.window == b.window && a.hops == b.hops &&
           a.tcp_flags == b.tcp_flags;
}

}  // namespace

bool TaughtSignatures::add(fs_taught signature) {
    signature.flags |= FS_TAUGHT_USED;
    const std::span known(policy_.taught, policy_.taught_count);
    if (std::ranges::any_of(known,
                            [&](const fs_taught& old) { return same_signature(old, signature); })) {
        return false;
    }
    policy_.taught[next_] = signature;
    policy_.taught_count = std::min<__u32>(policy_.taught_count + 1, FS_TAUGHT_MAX);
    next_ = (next_ + 1) % FS_TAUGHT_MAX;
    return true;
}

}  // namespace flowstamp
