// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flowstamp/policy.h"

namespace flowstamp::net {

/// A policy's list of learned signatures, the oldest first.
class LearnedList {
  public:
    /// Returns false, changing nothing, if the signature (same flags, ID, window, hops) is present.
    /// A full list (FST_LEARNED_MAX) drops its oldest entry.
    bool add(fst_learned_signature signature);
    /// Returns false if it is not in the list.
    bool remove(const fst_learned_signature& signature);

    [[nodiscard]] const fst_policy& policy() const { return policy_; }
    [[nodiscard]] fst_policy& policy() { return policy_; }

  private:
    void remove_at(__u32 place);

    fst_policy policy_{};
};

}  // namespace flowstamp::net
