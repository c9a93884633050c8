// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>

#include "tests/support/recorded_path.h"
#include "tests/unit/made_report.h"
#include "user/cmd/compare/run_compare.h"

namespace flowstamp::testing {

/// Two captures of a path on which a reset is forged toward A, and later data toward B is eaten.
inline void write_forged_path(const ReportFolder& folder, const std::string& a,
                              const std::string& b) {
    RecordedPath path;
    path.b_ahead = 5s;
    path.open();
    path.download(30);
    path.forge_to_client();
    path.download(30);
    path.talk_beside();
    path.lose_upload(4);
    path.reopen(40001, 77);
    path.upload(3);
    folder.write(a, pcap_of(path.a()));
    folder.write(b, pcap_of(path.b()));
}

/// Into page.html; the text into `text`. Returns the exit status.
inline int compare_into_page(const ReportFolder& folder, const std::string& a,
                             const std::string& b) {
    return cmd::run_compare({.captures = {folder.file(a), folder.file(b)},
                             .output = folder.file("text"),
                             .report = folder.file("page.html")});
}

}  // namespace flowstamp::testing
