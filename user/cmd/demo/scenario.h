// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "user/cmd/demo/act.h"
#include "user/cmd/demo/closing.h"

namespace flowstamp::cmd::demo {

/// A story with its acts. Playing it tells it, adds its rows to the closing table, and says there
/// what turned out otherwise; it fails where it could not be played.
struct Scenario {
    std::string_view name;
    std::string_view line;  ///< what it shows, in one line
    Status (*play)(const DemoContext& context, Closing& closing);
};

/// All, the main one first.
[[nodiscard]] std::span<const Scenario> scenarios();

Status play_forged_rst(const DemoContext& context, Closing& closing);
Status play_forged_rst_both(const DemoContext& context, Closing& closing);
Status play_genuine(const DemoContext& context, Closing& closing);
Status play_ban_drop(const DemoContext& context, Closing& closing);
Status play_ban_reject(const DemoContext& context, Closing& closing);
Status play_syn_reset(const DemoContext& context, Closing& closing);
Status play_ban_established(const DemoContext& context, Closing& closing);
Status play_ban_reset(const DemoContext& context, Closing& closing);
Status play_idle_timeout(const DemoContext& context, Closing& closing);
Status play_idle_reset(const DemoContext& context, Closing& closing);
Status play_reset_swallowed(const DemoContext& context, Closing& closing);
Status play_split_handshake(const DemoContext& context, Closing& closing);
Status play_hairpin(const DemoContext& context, Closing& closing);
Status play_one_way(const DemoContext& context, Closing& closing);
Status play_syn_reset_once(const DemoContext& context, Closing& closing);

}  // namespace flowstamp::cmd::demo
