// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
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
    std::vector<RunRecord::WatchedInterface>
        interfaces;  ///< names in the watch's network namespace
    FlowTable flows;
    bool learns = true;
    std::vector<net::LearnedSignature> learned{};  ///< the signatures that its kernel programs hold
};

struct PinnedTables {
    std::vector<PinnedTable> tables;  ///< sorted by pid
    Notices notices;  ///< what dead runs left and was removed; what could not be opened
};

/// The tables of all running watches. Also removes what dead runs left behind. Fails only if
/// nothing could be read.
[[nodiscard]] Result<PinnedTables> open_pinned_tables();

}  // namespace flowstamp::kernel
