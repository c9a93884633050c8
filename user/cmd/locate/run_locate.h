// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include "user/cmd/locate/locate_options.h"

namespace flowstamp::cmd {

/// `flowstamp locate`. Returns the exit status: 0 traced, 1 failed.
int run_locate(const LocateOptions& options);

}  // namespace flowstamp::cmd
