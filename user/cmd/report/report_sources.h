// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "user/base/result.h"
#include "user/output/report/report.h"
#include "user/output/report/report_entries.h"

namespace flowstamp::cmd {

/// True: the reading is to end, as after Ctrl-C.
using IsStopped = std::function<bool()>;

/// The files to read: a folder stands for its captures, in the order of their names. Fails if it
/// has none.
[[nodiscard]] Result<std::vector<std::string>> files_of(const std::vector<std::string>& sources);

/// Replays a capture into `entries`, or reads JSON lines. An error: what comes before it was read.
[[nodiscard]] Status read_entries(const std::string& file, output::ReportEntries& entries,
                                  const IsStopped& is_stopped);

/// Reads the captures again, for the packets of the flows that are drawn.
[[nodiscard]] Status trace_flows(output::Report& report, const IsStopped& is_stopped);

}  // namespace flowstamp::cmd
