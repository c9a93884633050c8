// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "user/demo/act.h"
#include "user/demo/closing.h"

namespace flowstamp::demo {

/// A story with its acts. Playing it tells it, adds its rows to the closing table, and says there
/// what turned out otherwise; it fails where it could not be played.
struct Scenario {
    std::string_view name;
    std::string_view line;  ///< what it shows, in one line
    Status (*play)(const Stage& stage, Closing& closing);
};

/// All, the main one first.
[[nodiscard]] std::span<const Scenario> scenarios();

Status play_forged_rst(const Stage& stage, Closing& closing);
Status play_forged_rst_both(const Stage& stage, Closing& closing);
Status play_genuine(const Stage& stage, Closing& closing);
Status play_ban_drop(const Stage& stage, Closing& closing);
Status play_ban_reject(const Stage& stage, Closing& closing);
Status play_syn_reset(const Stage& stage, Closing& closing);
Status play_ban_established(const Stage& stage, Closing& closing);
Status play_ban_reset(const Stage& stage, Closing& closing);
Status play_idle_timeout(const Stage& stage, Closing& closing);
Status play_idle_reset(const Stage& stage, Closing& closing);
Status play_reset_swallowed(const Stage& stage, Closing& closing);
Status play_split_handshake(const Stage& stage, Closing& closing);
Status play_hairpin(const Stage& stage, Closing& closing);
Status play_one_way(const Stage& stage, Closing& closing);
Status play_syn_reset_once(const Stage& stage, Closing& closing);

}  // namespace flowstamp::demo
