// SPDX-License-Identifier: Apache-2.0
// The command around a Watch: where the report goes, what ends it, and the exit status.
#include <fmt/format.h>
#include <poll.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "user/report/both_reporters.h"
#include "user/report/json_reporter.h"
#include "user/report/text_reporter.h"
#include "user/watch/stop_signals.h"
#include "user/watch/watch.h"

namespace flowstamp {

namespace {

using namespace std::chrono_literals;

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr Nanoseconds kTurn = 100ms;

int complain(const Error& error, int status) {
    fmt::print(stderr, "flowstamp: {}\n", error.message());
    return status;
}

std::string_view what_it_does(const WatchOptions& options) {
    if (options.drop != FS_DROP_OFF && options.challenge != FS_CHALLENGE_OFF) {
        return "dropping and challenging";
    }
    if (options.drop != FS_DROP_OFF) {
        return "dropping";
    }
    return options.challenge != FS_CHALLENGE_OFF ? "challenging" : "observe only";
}

std::unique_ptr<Reporter> make_reporter(const WatchOptions& options, bool json, Output& output) {
    if (json) {
        return std::make_unique<JsonReporter>(output);
    }
    Detail detail = options.quiet ? Detail::findings : Detail::resets;
    if (options.verbosity > 0) {
        detail = Detail::all;
    }
    const bool colour =
        wants_colour(output.is_terminal(), std::getenv("NO_COLOR"), std::getenv("CLICOLOR_FORCE"));
    return std::make_unique<TextReporter>(output, Style(colour), detail);
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
           std::optional<Nanoseconds> duration, const Output& output) {
    const Nanoseconds end = duration ? clock.monotonic() + *duration : Nanoseconds::max();
    for (Nanoseconds now = clock.monotonic(); now < end; now = clock.monotonic()) {
        if (!wait(watch, signals, std::min(kTurn, end - now))) {
            break;
        }
        if (const Status turned = watch.turn(); !turned) {
            return turned;
        }
        if (!output.health()) {
            break;
        }
    }
    return {};
}

}  // namespace

int run_watch(const WatchOptions& options) {
    std::optional<Filter> filter;
    if (!options.filter.empty()) {
        auto compiled = Filter::compile(options.filter);
        if (!compiled) {
            return complain(compiled.error(), kUsage);
        }
        filter = std::move(*compiled);
    }
    auto output = options.output ? Output::file(*options.output) : Output::standard_output();
    if (!output) {
        return complain(output.error(), kFailed);
    }
    const StopSignals signals;
    const SystemClock clock;
    const std::unique_ptr<Reporter> reporter = make_reporter(options, options.json, *output);
    Output screen = Output::standard_output();
    const std::unique_ptr<Reporter> printer = make_reporter(options, false, screen);
    BothReporters both(*reporter, *printer);
    auto watch = Watch::start(
        options, std::move(filter),
        {.reporter = options.print ? both : *reporter, .clock = clock, .notice = [](auto line) {
             fmt::print(stderr, "flowstamp: {}\n", line);
         }});
    if (!watch) {
        return complain(watch.error(), kFailed);
    }
    if (!options.quiet) {
        fmt::print(stderr, "watching {}, {}. {}\n", watch->where(), what_it_does(options),
                   options.duration ? "" : "Ctrl-C ends.");
    }
    const Status ran = run(*watch, signals, clock, options.duration, *output);
    const Status finished = watch->finish();
    for (const Status& status : {ran, finished}) {
        if (!status) {
            return complain(status.error(), kFailed);
        }
    }
    if (!output->health() && !output->reader_has_gone()) {
        return complain(output->health().error(), kFailed);
    }
    return kDone;
}

}  // namespace flowstamp
