// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include "user/cmd/flows/flows_options.h"

namespace flowstamp::cmd {

/// `flowstamp flows`: the flows of all running watches, with their stamps. Returns the exit status:
/// 1 if nothing is running.
int run_flows(const FlowsOptions& options);

}  // namespace flowstamp::cmd
