// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "user/base/result.h"
#include "user/kernel/features/notice.h"
#include "user/kernel/maps/flow_table.h"
#include "user/kernel/maps/run_record.h"
#include "user/net/learned_signature.h"

namespace flowstamp::kernel {

/// The flow table of a running watch, opened by another process.
struct PinnedTable {
    std::int32_t pid = 0;  ///< of the watch
    /// Names in the watch's network namespace.
    std::vector<RunRecord::WatchedInterface> interfaces;
    FlowTable flows;
    bool learns = true;
    std::vector<net::LearnedSignature> learned{};  ///< the signatures that its kernel programs hold
};

/// A watch that is running on this host.
struct RunningWatch {
    RunName name;
    RunRecord record{};
    std::uint64_t netns = 0;  ///< the number of its network namespace; 0: unknown
};

struct RunningWatches {
    std::vector<RunningWatch> watches;  ///< sorted by pid
    Notices notices;  ///< what dead runs left and was removed; what could not be read
};

/// All of them. Also removes what dead runs left behind. Fails only if nothing could be read.
[[nodiscard]] Result<RunningWatches> find_running_watches();

struct PinnedTables {
    std::vector<PinnedTable> tables;
    Notices notices;  ///< what could not be opened, such as that of another build
};

/// The tables of these watches, in their order.
[[nodiscard]] PinnedTables open_pinned_tables(std::span<const RunningWatch> watches);

}  // namespace flowstamp::kernel
