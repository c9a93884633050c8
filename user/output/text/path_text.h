// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>

#include "user/output/style.h"
#include "user/pathtrace/path_report.h"

namespace flowstamp::output {

/// A packet's path, or the totals of a run, in a few lines of text. `time`: that of the report, as shown.
[[nodiscard]] std::string path_text(const pathtrace::PathReport& report, const Style& style,
                                    const std::string& time);
[[nodiscard]] std::string path_text(const pathtrace::PathStats& stats, const Style& style);

}  // namespace flowstamp::output
