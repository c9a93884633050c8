// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "flowstamp/policy.h"
#include "user/base/result.h"
#include "user/flow/taught_signatures.h"

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
    [[nodiscard]] Status teach(const fs_taught& signature);
    /// Takes a signature back; one that is not known is no error.
    [[nodiscard]] Status forget(const fs_taught& signature);

    [[nodiscard]] const fs_policy& policy() const { return taught_.policy(); }

  private:
    [[nodiscard]] Status write(const TaughtSignatures& next);

    int map_fd_;
    bool acting_;
    TaughtSignatures taught_;
};

}  // namespace flowstamp
