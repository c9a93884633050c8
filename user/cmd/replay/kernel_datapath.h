// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <memory>

#include "user/base/result.h"
#include "user/cmd/replay/replay_datapath.h"

namespace flowstamp::cmd {

/// The data path as it runs in the kernel: the loaded programs, fed by test-run. Wants the
/// privileges of a watch. A frame's interface must be one of this network namespace: of captures
/// with several interfaces the second is number 2, and so on.
[[nodiscard]] Result<std::unique_ptr<ReplayPath>> make_kernel_path(std::uint32_t max_flows);

}  // namespace flowstamp::cmd
