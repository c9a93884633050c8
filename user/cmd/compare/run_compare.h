// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include "user/cmd/compare/compare_options.h"

namespace flowstamp::cmd {

/// `flowstamp compare`. Returns the exit status: 0 done, 1 a capture could not be read to its end, 2
/// usage, 3 a finding of --fail-on was reported.
int run_compare(const CompareOptions& options);

}  // namespace flowstamp::cmd
