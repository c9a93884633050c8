// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <span>

#include "flowstamp/policy.h"
#include "user/base/result.h"
#include "user/net/learned_signature.h"

namespace flowstamp::kernel {

/// The only writer of the map `policies`, by which user space controls the running programs.
class PolicyWriter {
  public:
    /// `acting`: whether the programs were loaded with the code that drops and challenges. Does not
    /// own `map_fd`.
    PolicyWriter(int map_fd, bool acting) : map_fd_(map_fd), acting_(acting) {}

    /// Fails for any mode except off if the programs were loaded to observe only.
    [[nodiscard]] Status set_modes(fst_drop_mode drop, fst_challenge_mode challenge);

    /// Writes the learned signatures, FST_LEARNED_MAX of them at most, in place of those before.
    [[nodiscard]] Status set_learned(std::span<const net::LearnedSignature> learned);

    /// What the map holds.
    [[nodiscard]] const fst_policy& policy() const { return policy_; }

  private:
    [[nodiscard]] Status write(const fst_policy& next);

    int map_fd_;
    bool acting_;
    fst_policy policy_{};
};

}  // namespace flowstamp::kernel
