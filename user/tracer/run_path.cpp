// SPDX-License-Identifier: Apache-2.0
// The command around a Tracer: where the report goes, what ends it, and the exit status.
#include "user/tracer/run_path.h"

#include <fmt/format.h>
#include <poll.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "user/base/stop_signals.h"
#include "user/flow/packet_match.h"
#include "user/tracer/tracer.h"

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

std::unique_ptr<PathReporter> make_reporter(const PathOptions& options, Output& output) {
    if (options.json) {
        return std::make_unique<PathJson>(output, options.quiet);
    }
    const bool colour =
        wants_colour(output.is_terminal(), std::getenv("NO_COLOR"), std::getenv("CLICOLOR_FORCE"));
    return std::make_unique<PathText>(output, Style(colour), options.quiet);
}

/// Turns until a signal, the end of the duration, or a report that cannot be written.
Status run(Tracer& tracer, const StopSignals& signals, const Clock& clock,
           const PathOptions& options, const Output& output) {
    const Nanoseconds end =
        options.duration ? clock.monotonic() + *options.duration : Nanoseconds::max();
    for (Nanoseconds now = clock.monotonic(); now < end; now = clock.monotonic()) {
        pollfd waiting[] = {{signals.descriptor(), POLLIN, 0}, {tracer.descriptor(), POLLIN, 0}};
        const Nanoseconds at_most = std::min(kTurn, end - now);
        ::poll(waiting, std::size(waiting),
               static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(at_most).count()));
        if (waiting[0].revents & POLLIN) {
            break;
        }
        if (const Status turned = tracer.turn(); !turned || !output.health()) {
            return turned;
        }
    }
    return {};
}

}  // namespace

int run_path(const PathOptions& options) {
    if (const auto matches = packet_matches(options.filter); !matches) {
        return complain(matches.error(), kUsage);
    }
    auto output = options.output ? Output::file(*options.output) : Output::standard_output();
    if (!output) {
        return complain(output.error(), kFailed);
    }
    const SystemClock clock;
    const StopSignals signals;  // from here on an end is a clean one
    const auto reporter = make_reporter(options, *output);
    auto tracer = Tracer::start(
        {.interfaces = options.interfaces, .filter = options.filter, .trace = options.trace},
        {.reporter = *reporter, .clock = clock, .notice = [](std::string_view line) {
             fmt::print(stderr, "flowstamp: {}\n", line);
         }});
    if (!tracer) {
        return complain(tracer.error(), kFailed);
    }
    fmt::print(stderr, "flowstamp: following {}; Ctrl-C ends\n", tracer->where());
    const Status ran = run(*tracer, signals, clock, options, *output);
    const Status finished = tracer->finish();
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
