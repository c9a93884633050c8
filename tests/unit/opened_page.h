// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <gtest/gtest.h>

#include <sys/wait.h>

#include <cstdlib>
#include <string>

#include "tests/unit/made_report.h"

namespace flowstamp::testing {

/// The page's document after its scripts have run, and Chromium's log, into files of the folder.
inline void open_in_browser(const ReportFolder& folder, const std::string& page) {
    const std::string command =
        "'" FLOWSTAMP_CHROMIUM
        "' --headless --no-sandbox --disable-gpu --enable-logging=stderr "
        "--virtual-time-budget=5000 --window-size=1280,3000 --user-data-dir='" +
        folder.file("profile") + "' --dump-dom 'file://" + folder.file(page) + "' >'" +
        folder.file("dom") + "' 2>'" + folder.file("log") + "'";
    const int status = std::system(command.c_str());  // NOLINT(cert-env33-c,concurrency-mt-unsafe)
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << folder.text("log");
}

}  // namespace flowstamp::testing
