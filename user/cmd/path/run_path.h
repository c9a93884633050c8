// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "user/cmd/path/path_options.h"

namespace flowstamp::cmd {

/// `flowstamp path`. Returns the exit status.
int run_path(const PathOptions& options);

}  // namespace flowstamp::cmd
