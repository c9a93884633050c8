// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "user/cmd/demo/demo_options.h"

namespace flowstamp::cmd {

/// `flowstamp demo`: plays scenarios in a lab of network namespaces on this machine, and closes
/// with a table. Returns the exit status: 0 if all turned out as told, 1 if not or if it could not be
/// played, 2 for a scenario that does not exist. Leaves nothing behind.
int run_demo(const DemoOptions& options);

}  // namespace flowstamp::cmd
