// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "flowstamp/policy.h"
#include "user/base/result.h"
#include "user/net/learned_list.h"

namespace flowstamp::kernel {

/// The one writer of the map `policies`: the only way back into the kernel.
class PolicyWriter {
  public:
    /// `acting`: whether the programs were loaded with the code that drops and challenges. Does not
    /// own `map_fd`.
    PolicyWriter(int map_fd, bool acting) : map_fd_(map_fd), acting_(acting) {}

    /// Fails for any mode but off in programs that were loaded to observe.
    [[nodiscard]] Status set_modes(fst_drop_mode drop, fst_challenge_mode challenge);

    /// Teaches an injector's signature; a known one (same flags, ID, window, hops) is not taught
    /// twice. When FST_LEARNED_MAX are known, the new one takes the place of the one taught longest
    /// ago.
    [[nodiscard]] Status learn_signature(const fst_learned_signature& signature);
    /// Takes a signature back; one that is not known is no error.
    [[nodiscard]] Status forget(const fst_learned_signature& signature);

    [[nodiscard]] const fst_policy& policy() const { return taught_.policy(); }

  private:
    [[nodiscard]] Status write(const net::LearnedList& next);

    int map_fd_;
    bool acting_;
    net::LearnedList taught_;
};

}  // namespace flowstamp::kernel
