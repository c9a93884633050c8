// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>
#include <string_view>

#include "user/output/report/report.h"

namespace flowstamp::output {

/// The page without data: HTML with styles, scripts and the chart library in it; empty if that
/// library (dygraphs) was missing when the program was built.
[[nodiscard]] std::string_view page_template();

/// The report as JSON that may stand in a <script> element: no `<` in it, whatever names and
/// comments hold.
[[nodiscard]] std::string script_data(const Report& report);

/// The whole page. Requires page_template().
[[nodiscard]] std::string html_of(const Report& report);

}  // namespace flowstamp::output
