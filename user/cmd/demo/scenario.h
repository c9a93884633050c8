// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <span>
#include <string_view>

#include "user/cmd/demo/download_run.h"
#include "user/cmd/demo/summary.h"

namespace flowstamp::cmd::demo {

/// A demonstration. Running it prints what happens, and adds its rows and any deviation from what
/// was expected to the summary; it fails if it could not be run.
struct Scenario {
    std::string_view name;
    std::string_view line;  ///< what it shows, in one line
    Status (*run)(const DemoContext& context, Summary& summary);
};

/// All scenarios, the main one first.
[[nodiscard]] std::span<const Scenario> scenarios();

Status run_forged_rst(const DemoContext& context, Summary& summary);
Status run_forged_rst_both(const DemoContext& context, Summary& summary);
Status run_both_ends(const DemoContext& context, Summary& summary);
Status run_genuine(const DemoContext& context, Summary& summary);
Status run_ban_drop(const DemoContext& context, Summary& summary);
Status run_ban_reject(const DemoContext& context, Summary& summary);
Status run_syn_reset(const DemoContext& context, Summary& summary);
Status run_ban_established(const DemoContext& context, Summary& summary);
Status run_ban_reset(const DemoContext& context, Summary& summary);
Status run_rst_rejected(const DemoContext& context, Summary& summary);
Status run_half_open(const DemoContext& context, Summary& summary);
Status run_zero_window(const DemoContext& context, Summary& summary);
Status run_accept_queue(const DemoContext& context, Summary& summary);
Status run_stale_connection(const DemoContext& context, Summary& summary);
Status run_idle_timeout(const DemoContext& context, Summary& summary);
Status run_idle_reset(const DemoContext& context, Summary& summary);
Status run_reset_swallowed(const DemoContext& context, Summary& summary);
Status run_split_handshake(const DemoContext& context, Summary& summary);
Status run_hairpin(const DemoContext& context, Summary& summary);
Status run_nat_escape(const DemoContext& context, Summary& summary);
Status run_one_way(const DemoContext& context, Summary& summary);
Status run_syn_reset_once(const DemoContext& context, Summary& summary);
Status run_mtu_black_hole(const DemoContext& context, Summary& summary);
Status run_routing_loop(const DemoContext& context, Summary& summary);
Status run_tunnels(const DemoContext& context, Summary& summary);

}  // namespace flowstamp::cmd::demo
