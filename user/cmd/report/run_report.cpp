// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/report/run_report.h"

#include <fmt/format.h>
#include <poll.h>

#include <utility>

#include "user/base/console.h"
#include "user/base/result.h"
#include "user/base/signals.h"
#include "user/cmd/keep_apart.h"
#include "user/cmd/report/page_file.h"
#include "user/cmd/report/report_sources.h"
#include "user/cmd/version.h"

namespace flowstamp::cmd {

namespace {

Status write_page(const output::Report& report, const std::string& path) {
    auto page = PageFile::create(path);
    return page ? page->write(report) : std::unexpected(std::move(page).error());
}

}  // namespace

int run_report(const ReportOptions& options) {
    if (const Status built_in = PageFile::check_built_in(); !built_in) {
        return log_error(built_in.error(), kFailed);
    }
    const auto files = files_of(options.sources);
    if (!files) {
        return log_error(files.error(), kFailed);
    }
    if (const Status apart = keep_apart(*files, *options.output, "a source of the report", "-o");
        !apart) {
        return log_error(apart.error(), kFailed);
    }
    const StopSignals signals;
    const auto is_stopped = [&signals] {
        pollfd waiting{.fd = signals.descriptor(), .events = POLLIN, .revents = 0};
        return ::poll(&waiting, 1, 0) > 0;
    };
    output::Report report{.made_by = fmt::format("flowstamp {}", version())};
    output::ReportEntries entries(report);
    int status = kDone;
    for (const std::string& file : *files) {
        if (const Status its = read_entries(file, entries, is_stopped); !its) {
            status = log_error(its.error(), kFailed);
            report.left_out.push_back(its.error().message());
        }
    }
    if (report.sources.empty()) {
        return kFailed;
    }
    entries.finish();
    for (const Status& done :
         {trace_flows(report, is_stopped), write_page(report, *options.output)}) {
        if (!done) {
            status = log_error(done.error(), kFailed);
        }
    }
    return status;
}

}  // namespace flowstamp::cmd
