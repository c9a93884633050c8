// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/commands.h"

#include <cstdio>

#include "user/cmd/compare/run_compare.h"
#include "user/cmd/demo/demo.h"
#include "user/cmd/doctor/doctor.h"
#include "user/cmd/flows/flows.h"
#include "user/cmd/locate/run_locate.h"
#include "user/cmd/path/run_path.h"
#include "user/cmd/replay/run_replay.h"
#include "user/cmd/report/run_report.h"
#include "user/cmd/watch/watch.h"

namespace flowstamp::cmd {

namespace {

struct Run {
    int operator()(const WatchOptions& options) const { return run_watch(options); }
    int operator()(const ReplayOptions& options) const { return run_replay(options); }
    int operator()(const CompareOptions& options) const { return run_compare(options); }
    int operator()(const ReportOptions& options) const { return run_report(options); }
    int operator()(const FlowsOptions& options) const { return run_flows(options); }
    int operator()(const LocateOptions& options) const { return run_locate(options); }
    int operator()(const PathOptions& options) const { return run_path(options); }
    int operator()(const DemoOptions& options) const { return run_demo(options); }
    int operator()(const DoctorOptions& options) const {
        return run_doctor(options.interfaces, stdout);
    }
};

}  // namespace

int run(const Options& options) {
    return std::visit(Run{}, options);
}

}  // namespace flowstamp::cmd
