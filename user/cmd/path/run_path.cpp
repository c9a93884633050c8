// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The command around a Tracer: its output, when it ends, and the exit status.
#include "user/cmd/path/run_path.h"

#include <fmt/format.h>

#include <cstdlib>
#include <memory>
#include <string_view>

#include "user/base/console.h"
#include "user/base/signals.h"
#include "user/cmd/poll_loop.h"
#include "user/net/packet_match.h"
#include "user/output/json/json_output.h"
#include "user/output/text/path_live.h"
#include "user/pathtrace/live/tracer.h"

namespace flowstamp::cmd {

namespace {

/// Null if plain lines are requested, or lines cannot be redrawn.
std::unique_ptr<output::PathLive> make_live(const PathOptions& options, output::Output& output) {
    const bool plain = options.plain || options.json || options.output || !output.is_terminal();
    if (plain || !output::can_redraw(std::getenv("TERM"))) {
        return nullptr;
    }
    return std::make_unique<output::PathLive>(output, output::style_for(output, options.colour),
                                              options.times, options.quiet, options.filter);
}

std::unique_ptr<output::Consumer> make_lines(const PathOptions& options, output::Output& output) {
    if (options.json) {
        return std::make_unique<output::JsonOutput>(output, options.quiet);
    }
    return std::make_unique<output::TextOutput>(
        output, output::style_for(output, options.colour),
        options.quiet ? output::Detail::findings : output::Detail::resets, options.times);
}

/// Polls until a signal, the end of the duration, or a failed write of the report.
Status run(pathtrace::Tracer& tracer, PollLoop loop, const output::Output& output,
           output::PathLive* live) {
    const int suspend = live != nullptr ? live->suspending() : -1;
    while (loop.wait_for(tracer.descriptor(), suspend)) {
        if (loop.wants_suspend()) {
            live->suspend();
        }
        if (const Status polled = tracer.poll(); !polled || !output.health()) {
            return polled;
        }
        if (live != nullptr && live->is_due(loop.now())) {
            live->draw(tracer.sample(), loop.now());
        }
    }
    return {};
}

}  // namespace

int run_path(const PathOptions& options) {
    if (const auto matches = net::packet_matches(options.filter); !matches) {
        return log_error(matches.error(), kUsage);
    }
    auto output =
        options.output ? output::Output::file(*options.output) : output::Output::standard_output();
    if (!output) {
        return log_error(output.error(), kFailed);
    }
    const SystemClock clock;
    const StopSignals signals;  // from here on SIGINT ends the run cleanly
    const auto live = make_live(options, *output);
    const auto lines = live ? nullptr : make_lines(options, *output);
    const auto notice = [&](std::string_view line) {
        if (live) {
            live->make_way();
        }
        say(line);
    };
    auto tracer = pathtrace::Tracer::start(
        {.interfaces = options.interfaces,
         .netns = options.netns,
         .filter = options.filter,
         .trace = options.trace},
        {.report =
             [&](pathtrace::PathEvent event) {
                 output::Consumer& consumer = live ? *live : *lines;
                 std::visit([&](auto& its) { consumer.consume(std::move(its)); }, event);
             },
         .clock = clock,
         .notice = notice});
    if (!tracer) {
        return log_error(tracer.error(), kFailed);
    }
    say(fmt::format("following {}; Ctrl-C ends", tracer->where()));
    const Status ran =
        run(*tracer, PollLoop(signals, clock, options.duration), *output, live.get());
    const Status finished = tracer->finish();
    for (const Status& status : {ran, finished}) {
        if (!status) {
            return log_error(status.error(), kFailed);
        }
    }
    if (!output->health() && !output->reader_has_gone()) {
        return log_error(output->health().error(), kFailed);
    }
    return kDone;
}

}  // namespace flowstamp::cmd
