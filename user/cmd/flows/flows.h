// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include "user/cmd/flows/flows_options.h"

namespace flowstamp::cmd {

/// `flowstamp flows`: the flows of running watches, a line each. Returns the exit status:
/// 1 if nothing is running.
int run_flows(const FlowsOptions& options);

}  // namespace flowstamp::cmd
