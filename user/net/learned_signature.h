// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flowstamp/policy.h"
#include "user/base/clock.h"

namespace flowstamp::net {

/// An injector's signature that the kernel was taught. Times are since 1970.
struct LearnedSignature {
    fst_learned_signature signature{};
    Nanoseconds learned{0};
    Nanoseconds seen{0};  ///< when a forged RST bore it last

    friend bool operator==(const LearnedSignature& a, const LearnedSignature& b);
};

/// Flags (but FST_LEARNED_USED, which says only that the entry is taken), ID, window, hops, TCP flags.
[[nodiscard]] bool same_signature(const fst_learned_signature& a, const fst_learned_signature& b);

}  // namespace flowstamp::net
