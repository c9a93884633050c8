// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flowstamp/policy.h"

namespace flowstamp {

/// A policy's list of injectors' signatures, the one taught longest ago first.
class TaughtSignatures {
  public:
    /// Returns false if the signature (same flags, ID, window, hops) is known: nothing changes.
    /// When FS_TAUGHT_MAX are known, the one taught longest ago makes room.
    bool add(fs_taught signature);
    /// Returns false if it is not known.
    bool remove(const fs_taught& signature);

    [[nodiscard]] const fs_policy& policy() const { return policy_; }
    [[nodiscard]] fs_policy& policy() { return policy_; }

  private:
    void remove_at(__u32 place);

    fs_policy policy_{};
};

}  // namespace flowstamp
