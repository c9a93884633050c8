// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "flowstamp/policy.h"
#include "user/base/result.h"

namespace flowstamp {

/// The one writer of the map `policies`: the only way back into the kernel.
class PolicyWriter {
  public:
    /// `acting`: whether the programs were loaded with the code that drops and challenges. Does not
    /// own `map_fd`.
    PolicyWriter(int map_fd, bool acting) : map_fd_(map_fd), acting_(acting) {}

    /// Fails for any mode but off in programs that were loaded to observe.
    [[nodiscard]] Status set_modes(fs_drop_mode drop, fs_challenge_mode challenge);

    /// Teaches an injector's signature; a known one (same flags, ID, window, hops) is not taught
    /// twice. When FS_TAUGHT_MAX are known, the new one takes the place of the one taught longest
    /// ago.
    [[nodiscard]] Status teach(fs_taught signature);

    [[nodiscard]] const fs_policy& policy() const { return policy_; }

  private:
    [[nodiscard]] Status write(const fs_policy& policy);

    int map_fd_;
    bool acting_;
    std::uint32_t next_ = 0;  ///< entry of `taught` that the next signature takes
    fs_policy policy_{};
};

}  // namespace flowstamp
