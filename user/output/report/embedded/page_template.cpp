// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/report/report_page.h"

// The page that the build assembles of ../page and dygraphs: cmake/ReportPage.cmake.
extern "C" const char flowstamp_report_page[];
extern "C" const char flowstamp_report_page_end[];

namespace flowstamp::output {

std::string_view page_template() {
    return {flowstamp_report_page, flowstamp_report_page_end};
}

}  // namespace flowstamp::output
