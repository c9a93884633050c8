// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "user/base/result.h"
#include "user/net/learned_signature.h"
#include "user/kernel/maps/flow_table.h"
#include "user/kernel/features/notice.h"
#include "user/kernel/maps/run_record.h"

namespace flowstamp::kernel {

/// The flow table of a running watch, opened by another process.
struct PinnedTable {
    std::int32_t pid = 0;  ///< of the watch
    std::vector<RunRecord::WatchedInterface>
        interfaces;  ///< names as the watch's network namespace has them
    FlowTable flows;
    bool learns = true;
    std::vector<net::LearnedSignature> learned{};  ///< what its kernel programs go by
};

struct PinnedTables {
    std::vector<PinnedTable> tables;  ///< by pid
    Notices notices;  ///< what dead runs had left and was removed; what could not be opened
};

/// The tables of all running watches. What dead ones left behind is removed on the way. Fails only
/// where nothing could be looked at.
[[nodiscard]] Result<PinnedTables> open_pinned_tables();

}  // namespace flowstamp::kernel
