// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "user/analysis/reset/open_challenges.h"
#include "user/analysis/slot_reader.h"
#include "user/base/clock.h"
#include "user/kernel/attach/live_frames.h"

namespace flowstamp::cmd {

/// Asks again what nobody has answered, by a keepalive that it hands up the stack of the interface that the RST came in by.
/// Fails open: where the kernel refuses, one line says so, and the challenges are asked once, as before.
class ChallengeRepeater {
  public:
    using Notice = std::function<void(std::string_view)>;

    /// `slots` outlives it.
    ChallengeRepeater(const analysis::SlotReader& slots, Notice notice);

    void observe(const fst_event& event, const fst_flow* flow) { open_.observe(event, flow); }
    /// To be called ten times a second (`now`: CLOCK_MONOTONIC), in the network namespace of the interfaces.
    void advance(Nanoseconds now);

  private:
    void tell(const Error& error);

    const analysis::SlotReader& slots_;
    Notice notice_;
    analysis::OpenChallenges open_;
    std::optional<kernel::LiveFrames> frames_;  ///< none: the kernel has refused
    bool told_ = false;
};

}  // namespace flowstamp::cmd
