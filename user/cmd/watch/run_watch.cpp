// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The command around a Watch: its output, when it ends, and the exit status.
#include <fmt/format.h>

#include "user/base/console.h"
#include "user/base/live_console.h"
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

/// What becomes of the report does not end a watch, with one exception: when nobody reads it any
/// longer, only one that acts has something left to do.
bool is_pointless(const WatchOptions& options, const output::Outputs& outputs) {
    return !options.acts() && outputs.reader_has_gone();
}

/// Polls until a signal or the end of the duration.
Status run(Watch& watch, PollLoop loop, output::Outputs& outputs, const WatchOptions& options) {
    while (loop.wait_for(watch.descriptor())) {
        if (const Status polled = watch.poll(); !polled) {
            return polled;
        }
        if (is_pointless(options, outputs)) {
            break;
        }
        outputs.tick();
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
    const SystemClock clock;
    LiveConsole console;
    const auto notice = [&console](std::string_view line) { console.say(line); };
    auto outputs = output::Outputs::open_live({.json = options.json,
                                               .output = options.output,
                                               .print = options.print,
                                               .quiet = options.quiet,
                                               .verbosity = options.verbosity,
                                               .summarize = options.summarize},
                                              clock, notice);
    if (!outputs) {
        return log_error(outputs.error(), kFailed);
    }
    const StopSignals signals;
    auto watch = Watch::start(options, std::move(filter),
                              {.output = *outputs, .clock = clock, .notice = notice});
    if (!watch) {
        return log_error(watch.error(), kFailed);
    }
    if (!options.quiet) {
        console.say(fmt::format("watching {}, {}.{}", watch->where(), mode_text(options),
                                options.duration ? "" : " Ctrl-C ends."));
    }
    const Status ran = run(*watch, PollLoop(signals, clock, options.duration), *outputs, options);
    const Status finished = watch->finish();
    const Status written = outputs->finish();
    for (const Status& status :
         {ran, finished, is_pointless(options, *outputs) ? Status{} : written}) {
        if (!status) {
            return console.log_error(status.error(), kFailed);
        }
    }
    return kDone;
}

}  // namespace flowstamp::cmd
