// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include "user/cmd/demo/demo_options.h"

namespace flowstamp::cmd {

/// `flowstamp demo`: runs scenarios in a lab of network namespaces on this machine, and ends with a
/// summary. Returns the exit status: 0 if all turned out as expected, 1 if not or if it could not
/// be run, 2 for a scenario that does not exist. Leaves nothing behind.
int run_demo(const DemoOptions& options);

}  // namespace flowstamp::cmd
