// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <memory>

#include "user/base/result.h"
#include "user/cmd/replay/replay_datapath.h"

namespace flowstamp::cmd {

/// The data path as it runs in the kernel: the loaded programs, run by BPF_PROG_TEST_RUN. Requires
/// the privileges of `watch`. A frame's ifindex must exist in this network namespace: 1 for the
/// first interface of a capture, 2 for the second, and so on.
[[nodiscard]] Result<std::unique_ptr<ReplayPath>> make_kernel_path(std::uint32_t max_flows);

}  // namespace flowstamp::cmd
