// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The command around a Watch: where the report goes, what ends it, and the exit status.
#include <fmt/format.h>
#include <poll.h>

#include <cerrno>

#include "user/base/console.h"
#include "user/base/signals.h"
#include "user/cmd/watch/watch.h"
#include "user/output/outputs.h"

namespace flowstamp::cmd {

namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kTurn = 100ms;

std::string_view what_it_does(const WatchOptions& options) {
    if (options.drop != FST_DROP_OFF && options.challenge != FST_CHALLENGE_OFF) {
        return "dropping and challenging";
    }
    if (options.drop != FST_DROP_OFF) {
        return "dropping";
    }
    return options.challenge != FST_CHALLENGE_OFF ? "challenging" : "observe only";
}

/// Waits until there is something to do: a signal, an event, or the next turn's time.
/// Returns whether to go on.
bool wait(const Watch& watch, const StopSignals& signals, Nanoseconds at_most) {
    pollfd waiting[] = {{signals.descriptor(), POLLIN, 0}, {watch.descriptor(), POLLIN, 0}};
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(at_most).count();
    ::poll(waiting, std::size(waiting), static_cast<int>(milliseconds));
    return !(waiting[0].revents & POLLIN);
}

/// Turns until a signal, the end of the duration, or a report that cannot be written.
Status run(Watch& watch, const StopSignals& signals, const Clock& clock,
           std::optional<Nanoseconds> duration, const output::Outputs& outputs) {
    const Nanoseconds end = duration ? clock.monotonic() + *duration : Nanoseconds::max();
    for (Nanoseconds now = clock.monotonic(); now < end; now = clock.monotonic()) {
        if (!wait(watch, signals, std::min(kTurn, end - now))) {
            break;
        }
        if (const Status turned = watch.poll(); !turned) {
            return turned;
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
        say(fmt::format("watching {}, {}.{}", watch->where(), what_it_does(options),
                        options.duration ? "" : " Ctrl-C ends."));
    }
    const Status ran = run(*watch, signals, clock, options.duration, *outputs);
    const Status finished = watch->finish();
    for (const Status& status : {ran, finished, outputs->status()}) {
        if (!status) {
            return log_error(status.error(), kFailed);
        }
    }
    return kDone;
}

}  // namespace flowstamp::cmd
