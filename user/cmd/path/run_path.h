// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include "user/cmd/path/path_options.h"

namespace flowstamp::cmd {

/// `flowstamp path`. Returns the exit status.
int run_path(const PathOptions& options);

}  // namespace flowstamp::cmd
