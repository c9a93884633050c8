// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The command around a Watch: its output, when it ends, and the exit status.
#include <fmt/format.h>

#include "user/base/console.h"
#include "user/base/signals.h"
#include "user/cmd/poll_loop.h"
#include "user/cmd/watch/watch.h"
#include "user/output/outputs.h"

namespace flowstamp::cmd {

namespace {

std::string_view mode_text(const WatchOptions& options) {
    if (options.drop != FST_DROP_OFF && options.challenge != FST_CHALLENGE_OFF) {
        return "dropping and challenging";
    }
    if (options.drop != FST_DROP_OFF) {
        return "dropping";
    }
    return options.challenge != FST_CHALLENGE_OFF ? "challenging" : "observe only";
}

/// Polls until a signal, the end of the duration, or a failed write of the report.
Status run(Watch& watch, PollLoop loop, const output::Outputs& outputs) {
    while (loop.wait_for(watch.descriptor())) {
        if (const Status polled = watch.poll(); !polled) {
            return polled;
        }
        if (outputs.is_broken()) {
            break;
        }
    }
    return {};
}

}  // namespace

int run_watch(const WatchOptions& options) {
    std::optional<net::Filter> filter;
    if (!options.filter.empty()) {
        auto compiled = net::Filter::compile(options.filter);
        if (!compiled) {
            return log_error(compiled.error(), kUsage);
        }
        filter = std::move(*compiled);
    }
    auto outputs = output::Outputs::open({.json = options.json,
                                          .output = options.output,
                                          .print = options.print,
                                          .quiet = options.quiet,
                                          .verbosity = options.verbosity});
    if (!outputs) {
        return log_error(outputs.error(), kFailed);
    }
    const StopSignals signals;
    const SystemClock clock;
    auto watch = Watch::start(options, std::move(filter),
                              {.output = *outputs, .clock = clock, .notice = say});
    if (!watch) {
        return log_error(watch.error(), kFailed);
    }
    if (!options.quiet) {
        say(fmt::format("watching {}, {}.{}", watch->where(), mode_text(options),
                        options.duration ? "" : " Ctrl-C ends."));
    }
    const Status ran = run(*watch, PollLoop(signals, clock, options.duration), *outputs);
    const Status finished = watch->finish();
    for (const Status& status : {ran, finished, outputs->status()}) {
        if (!status) {
            return log_error(status.error(), kFailed);
        }
    }
    return kDone;
}

}  // namespace flowstamp::cmd
