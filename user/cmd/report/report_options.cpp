// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/report/report_options.h"

#include <algorithm>

#include "user/cmd/common_options.h"

namespace flowstamp::cmd {

void add_command(CommandLine& line, ReportOptions& options) {
    Command report = line.command(ReportOptions::kCommand,
                                  "A page for the browser: findings in words and drawings",
                                  "flowstamp report trace.pcap -o report.html");
    report.words("CAPTURE", options.sources, "Captures, JSON lines, or folders of captures");
    report.option("-o,--output", "FILE", options.output,
                  "The page, one HTML file ('-': standard output)");
    accept_numeric(report);
}

std::string objection(const ReportOptions& options) {
    if (options.sources.empty()) {
        return "no source given; name a capture, a file of JSON lines, or a folder of captures";
    }
    if (std::ranges::find(options.sources, "-") != options.sources.end()) {
        return "a report reads its sources twice, and standard input can be read once; name a file";
    }
    return options.output ? "" : "no page named; give -o report.html";
}

}  // namespace flowstamp::cmd
