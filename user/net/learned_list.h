// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include "flowstamp/policy.h"

namespace flowstamp::net {

/// A policy's list of injectors' signatures, the one taught longest ago first.
class LearnedList {
  public:
    /// Returns false if the signature (same flags, ID, window, hops) is known: nothing changes.
    /// When FST_LEARNED_MAX are known, the one taught longest ago makes room.
    bool add(fst_learned_signature signature);
    /// Returns false if it is not known.
    bool remove(const fst_learned_signature& signature);

    [[nodiscard]] const fst_policy& policy() const { return policy_; }
    [[nodiscard]] fst_policy& policy() { return policy_; }

  private:
    void remove_at(__u32 place);

    fst_policy policy_{};
};

}  // namespace flowstamp::net
