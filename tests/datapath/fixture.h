// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <gtest/gtest.h>

#include "tests/datapath/conversation.h"
#include "tests/datapath/rig.h"

namespace flowstamp::testing {

/// A test case of the data path, at one hook in one build. Rigs are loaded once and shared by the
/// cases of a process: each starts an hour after the previous one, with its own flows and no
/// policy.
class DatapathTest : public ::testing::TestWithParam<RigKind> {
  protected:
    void SetUp() override;

    [[nodiscard]] fst_hook hook() const { return GetParam().hook; }
    [[nodiscard]] bool in_kernel() const { return GetParam().backend == Backend::kernel; }
    /// Observe-only.
    Rig& watching() { return *shared(false); }
    /// Loaded with the code that drops and challenges.
    Rig& acting() { return *shared(true); }
    /// What is done about resets from now on, by the acting rig, or by another one.
    void use(fst_drop_mode drop, fst_challenge_mode challenge) { use(acting(), drop, challenge); }
    static void use(Rig& rig, fst_drop_mode drop, fst_challenge_mode challenge) {
        fst_policy policy{};
        policy.drop_mode = drop;
        policy.challenge_mode = challenge;
        rig.set_policy(policy);
    }
    /// Interfaces of this network namespace on which a packet can arrive; at least lo.
    [[nodiscard]] std::vector<std::uint32_t> interfaces() const;
    /// With an empty table, for this case only.
    std::unique_ptr<Rig> fresh(const RigOptions& options) {
        return make_rig(GetParam().backend, options);
    }

  private:
    Rig* shared(bool acts) const;
};

inline std::string case_name(const ::testing::TestParamInfo<RigKind>& info) {
    return name_of(info.param);
}

/// Signals that count, including those that corroborate a genuine reset; without informative ones.
constexpr std::uint64_t counted(std::uint64_t signals) {
    return signals & ~FST_SIGNALS_WEAK;
}
constexpr std::uint64_t bit(fst_signal signal) {
    return FST_SIGNAL_BIT(signal);
}

/// "NEARER|DATA", for failures.
std::string signal_names(std::uint64_t signals);

}  // namespace flowstamp::testing
