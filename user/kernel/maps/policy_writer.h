// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "flowstamp/policy.h"
#include "user/base/result.h"
#include "user/net/learned_list.h"

namespace flowstamp::kernel {

/// The only writer of the map `policies`, the only way for data from user space into the programs.
class PolicyWriter {
  public:
    /// `acting`: whether the programs were loaded with the code that drops and challenges. Does not
    /// own `map_fd`.
    PolicyWriter(int map_fd, bool acting) : map_fd_(map_fd), acting_(acting) {}

    /// Fails for any mode except off if the programs were loaded to observe only.
    [[nodiscard]] Status set_modes(fst_drop_mode drop, fst_challenge_mode challenge);

    /// Adds an injector's signature; a known one (same flags, ID, window, hops) is not added again.
    /// A full list (FST_LEARNED_MAX) drops its oldest entry.
    [[nodiscard]] Status learn_signature(const fst_learned_signature& signature);
    /// Removes a signature; an unknown one is no error.
    [[nodiscard]] Status forget(const fst_learned_signature& signature);

    [[nodiscard]] const fst_policy& policy() const { return learned_.policy(); }

  private:
    [[nodiscard]] Status write(const net::LearnedList& next);

    int map_fd_;
    bool acting_;
    net::LearnedList learned_;
};

}  // namespace flowstamp::kernel
