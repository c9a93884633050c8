// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <vector>

#include "user/kernel/attach/interface.h"
#include "user/kernel/features/notice.h"

namespace flowstamp::kernel {

/// Removes what dead runs left behind: their records and pinned flow tables, and the tc stubs on
/// `interfaces` (of this network namespace). All of it is harmless, but a pinned table keeps its
/// memory. Returns a notice for each thing removed.
Notices remove_stale_state(const std::vector<Interface>& interfaces);

}  // namespace flowstamp::kernel
