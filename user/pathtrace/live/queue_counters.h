// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <vector>

#include "user/pathtrace/queue_drop.h"

namespace flowstamp::pathtrace {

/// The queueing disciplines of all interfaces in the calling thread's network namespace; none if they
/// cannot be read.
[[nodiscard]] std::vector<Queue> read_queues();

}  // namespace flowstamp::pathtrace
