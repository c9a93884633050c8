// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flowstamp/policy.h"

namespace flowstamp {

/// A policy's list of injectors' signatures, and which of them the next one replaces.
class TaughtSignatures {
  public:
    /// Returns false if the signature (same flags, ID, window, hops) is known: nothing changes.
    /// When FS_TAUGHT_MAX are known, the new one takes the place of the one taught longest ago.
    bool add(fs_taught signature);

    [[nodiscard]] const fs_policy& policy() const { return policy_; }
    [[nodiscard]] fs_policy& policy() { return policy_; }

  private:
    fs_policy policy_{};
    __u32 next_ = 0;  ///< entry of `taught` that the next signature takes
};

}  // namespace flowstamp
