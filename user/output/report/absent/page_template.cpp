// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Where dygraphs was missing when the program was built.
#include "user/output/report/report_page.h"

namespace flowstamp::output {

std::string_view page_template() {
    return {};
}

}  // namespace flowstamp::output
