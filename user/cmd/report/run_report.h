// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include "user/cmd/report/report_options.h"

namespace flowstamp::cmd {

/// `flowstamp report`. Returns the exit status: 0 done, 1 a source could not be read to its end, or
/// the page not written, 2 usage.
int run_report(const ReportOptions& options);

}  // namespace flowstamp::cmd
