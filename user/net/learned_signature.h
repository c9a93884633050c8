// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <span>

#include "flowstamp/policy.h"
#include "user/base/clock.h"

namespace flowstamp::net {

/// A signature of an injector, as learned and written to the kernel. Times are since 1970.
struct LearnedSignature {
    fst_learned_signature signature{};
    Nanoseconds learned{0};
    Nanoseconds seen{0};  ///< when a forged RST last matched it

    friend bool operator==(const LearnedSignature& a, const LearnedSignature& b);
};

[[nodiscard]] bool same_signature(const fst_learned_signature& a, const fst_learned_signature& b);

/// Replaces the policy's signatures with the first FST_LEARNED_MAX of `learned`.
void set_learned(fst_policy& policy, std::span<const LearnedSignature> learned);

}  // namespace flowstamp::net
