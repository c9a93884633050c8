// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "user/base/result.h"
#include "user/cmd/flows/flows_options.h"
#include "user/kernel/maps/pinned_table.h"

namespace flowstamp::cmd {

/// The watches that the options choose: by --pid, wherever it is; else those in the network
/// namespace `own`, or with --all-netns all; of these by -i. Fails if there is none, and says what
/// there is.
[[nodiscard]] Result<std::vector<kernel::RunningWatch>> chosen_watches(
    std::vector<kernel::RunningWatch> running, const FlowsOptions& options, std::uint64_t own);

/// "process 12 (eth0, eth1), process 34 (eth0)".
[[nodiscard]] std::string watches_text(const std::vector<kernel::RunningWatch>& watches);

}  // namespace flowstamp::cmd
