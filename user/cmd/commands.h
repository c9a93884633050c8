// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include "user/cmd/options.h"

namespace flowstamp::cmd {

/// Runs the chosen command. Returns the exit status: 0 done, 1 failed at run time,
/// 2 usage, 3 replay's --fail-on was met.
int run(const Options& options);

}  // namespace flowstamp::cmd
