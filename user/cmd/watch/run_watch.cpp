// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The command around a Watch: its output, when it ends, and the exit status.
#include <fmt/format.h>

#include <sstream>

#include "user/base/console.h"
#include "user/base/live_console.h"
#include "user/base/signals.h"
#include "user/cmd/filter_option.h"
#include "user/cmd/poll_loop.h"
#include "user/cmd/watch/reload.h"
#include "user/cmd/watch/service.h"
#include "user/cmd/watch/watch.h"
#include "user/output/finding_limit.h"
#include "user/output/outputs.h"
#include "user/output/text/stats_text.h"

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

/// What the totals count: the kernel has no filter.
std::string scope_text(const WatchOptions& options) {
    return options.filter.empty()
               ? ""
               : fmt::format("; reporting only '{}', but totals of every packet", options.filter);
}

/// What becomes of the report does not end a watch, with one exception: when nobody reads it any
/// longer, only one that acts has something left to do.
bool is_pointless(const WatchOptions& options, const output::Outputs& outputs) {
    return !options.acts() && outputs.reader_has_gone();
}

/// The totals, as lines on the console.
void print_statistics(Watch& watch, LiveConsole& console) {
    const auto stats = watch.stats();
    if (!stats) {
        console.log_error(stats.error(), kFailed);
        return;
    }
    std::istringstream lines(output::stats_text(*stats));
    for (std::string line; std::getline(lines, line);) {
        console.say(line);
    }
}

/// Polls until a signal, the end of the duration or the last finding wanted, and does what other signals ask for.
Status run(Watch& watch, PollLoop loop, output::Outputs& outputs,
           const output::FindingLimit& findings, WatchOptions options,
           const RequestSignals& signals, LiveConsole& console, const Clock& clock) {
    Service service(watch, clock);
    while (loop.wait_for(watch.descriptor())) {
        if (const Status polled = watch.poll(); !polled) {
            return polled;
        }
        const RequestSignals::Requests requests = signals.take();
        if (requests.reload) {
            service.reloading();
            reload(options, watch, outputs,
                   [&console](std::string_view line) { console.say(line); });
            service.reloaded();
        }
        if (requests.statistics) {
            print_statistics(watch, console);
        }
        if (is_pointless(options, outputs) || findings.is_reached()) {
            break;
        }
        outputs.tick();
        service.tick();
    }
    return {};
}

}  // namespace

int run_watch(const WatchOptions& options) {
    auto filter = compiled(options.filter);
    if (!filter) {
        return log_error(filter.error(), kUsage);
    }
    const SystemClock clock;
    LiveConsole console;
    const auto notice = [&console](std::string_view line) { console.say(line); };
    auto outputs = output::Outputs::open_live({.json = options.json,
                                               .output = options.output,
                                               .log = options.log,
                                               .print = options.print,
                                               .quiet = options.quiet,
                                               .verbosity = options.verbosity,
                                               .colour = options.colour,
                                               .times = options.times,
                                               .summarize = options.summarize},
                                              clock, notice);
    if (!outputs) {
        return log_error(outputs.error(), kFailed);
    }
    const StopSignals signals(!options.reloads());
    const RequestSignals requests(options.reloads());
    output::FindingLimit findings(*outputs, options.count);
    auto watch = Watch::start(options, *std::move(filter),
                              {.output = findings, .clock = clock, .notice = notice});
    if (!watch) {
        return log_error(watch.error(), kFailed);
    }
    if (!options.quiet) {
        console.say(fmt::format("watching {}, {}{}.{}", watch->where(), mode_text(options),
                                scope_text(options), options.duration ? "" : " Ctrl-C ends."));
    }
    const Status ran = run(*watch, PollLoop(signals, clock, options.duration), *outputs, findings,
                           options, requests, console, clock);
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
