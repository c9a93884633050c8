// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The command around a Watch: its output, when it ends, and the exit status.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

#include "user/base/console.h"
#include "user/base/live_console.h"
#include "user/base/signals.h"
#include "user/cmd/filter_option.h"
#include "user/cmd/poll_loop.h"
#include "user/cmd/watch/live_evidence.h"
#include "user/cmd/watch/live_report.h"
#include "user/cmd/watch/metrics_publisher.h"
#include "user/cmd/watch/reload.h"
#include "user/cmd/watch/service.h"
#include "user/cmd/watch/watch.h"
#include "user/output/finding_limit.h"
#include "user/output/outputs.h"
#include "user/output/text/stats_text.h"
#include "user/output/view/watch_live.h"

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

/// Where text would go to a terminal. -v is for those who want each line.
bool shows_view(const WatchOptions& options) {
    return !options.plain && options.verbosity == 0;
}

/// What becomes of the report does not end a watch, with one exception: when nobody reads it any
/// longer, only one that acts has something left to do.
bool is_pointless(const WatchOptions& options, const output::Outputs& outputs) {
    return !options.acts() && outputs.reader_has_gone();
}

using Notice = std::function<void(std::string_view)>;

/// The totals, as lines about the run.
void print_statistics(Watch& watch, const Notice& notice) {
    const auto stats = watch.stats();
    if (!stats) {
        notice(stats.error().message());
        return;
    }
    std::istringstream lines(output::stats_text(*stats));
    for (std::string line; std::getline(lines, line);) {
        notice(line);
    }
}

/// What is watched and how, for the view.
std::string title_of(const Watch& watch, const WatchOptions& options) {
    return fmt::format("{}  {}{}", fmt::join(watch.interfaces(), ", "), mode_text(options),
                       options.filter.empty() ? "" : fmt::format("  '{}'", options.filter));
}

Status show(output::WatchLive& view, Watch& watch, const WatchOptions& options, Nanoseconds now) {
    view.handle_keys();
    if (!view.is_due(now)) {
        return {};
    }
    auto sample = watch.sample();
    if (!sample) {
        return std::unexpected(std::move(sample).error());
    }
    view.draw(*std::move(sample), title_of(watch, options), now);
    return {};
}

/// Polls until a signal, the end of the duration, the last finding wanted or the user's wish, and does
/// what other signals ask for.
Status run(Watch& watch, PollLoop loop, output::Outputs& outputs, MetricsPublisher& metrics,
           const output::FindingLimit& findings, WatchOptions options,
           const RequestSignals& signals, const Notice& notice, const Clock& clock,
           LiveEvidence* evidence) {
    Service service(watch, clock);
    output::WatchLive* view = outputs.view();
    while (loop.wait_for(watch.descriptor(), view == nullptr ? -1 : view->descriptor())) {
        if (const Status polled = watch.poll(); !polled) {
            return polled;
        }
        const RequestSignals::Requests requests = signals.take();
        if (requests.reload) {
            service.reloading();
            reload(options, watch, outputs, notice);
            service.reloaded();
        }
        if (requests.statistics) {
            print_statistics(watch, notice);
        }
        if (view != nullptr) {
            if (const Status shown = show(*view, watch, options, loop.now()); !shown) {
                return shown;
            }
        }
        if (is_pointless(options, outputs) || findings.is_reached() ||
            (view != nullptr && view->wants_quit())) {
            break;
        }
        if (evidence != nullptr) {
            for (const std::string& line : evidence->take_notices()) {
                notice(line);
            }
        }
        outputs.tick();
        service.tick();
        metrics.tick(watch, outputs);
    }
    return {};
}

/// What --evidence asks for; nothing if it was not given. Fails if the folder cannot be written to,
/// or there is no key.
Status open_evidence(const EvidenceOptions& options, std::optional<LiveEvidence>& evidence) {
    if (!options.folder) {
        return {};
    }
    const auto anonymizer = open_anonymizer(options);
    if (!anonymizer) {
        return std::unexpected(anonymizer.error());
    }
    auto folder = output::EvidenceFolder::open(*options.folder, options.limits);
    if (!folder) {
        return std::unexpected(std::move(folder).error());
    }
    evidence.emplace(std::move(*folder), *anonymizer);
    return {};
}

/// What --report asks for; null if it was not given.
Result<std::unique_ptr<LiveReport>> open_report(const WatchOptions& options) {
    if (!options.report) {
        return nullptr;
    }
    return LiveReport::open(*options.report,
                            fmt::format("watch of {}", fmt::join(options.interfaces, ", ")));
}

/// Writes what is left, and says what was left out.
Status finish(LiveEvidence& evidence, LiveConsole& console) {
    Status finished = evidence.finish();
    for (const std::string& line : evidence.take_notices()) {
        console.say(line);
    }
    return finished;
}

/// What was shown is also in the terminal's own lines.
void close_view(output::WatchLive& view, LiveConsole& console) {
    view.close();
    for (const std::string& line : view.take_notices()) {
        console.say(line);
    }
}

}  // namespace

int run_watch(const WatchOptions& options) {
    auto filter = compiled(options.filter);
    if (!filter) {
        return log_error(filter.error(), kUsage);
    }
    const SystemClock clock;
    LiveConsole console;
    output::WatchLive* view = nullptr;
    const Notice notice = [&console, &view](std::string_view line) {
        if (view == nullptr || !view->takes_notice(line)) {
            console.say(line);
        }
    };
    auto outputs = output::Outputs::open_live({.json = options.json,
                                               .output = options.output,
                                               .log = options.log,
                                               .print = options.print,
                                               .quiet = options.quiet,
                                               .verbosity = options.verbosity,
                                               .colour = options.colour,
                                               .times = options.times,
                                               .live_view = shows_view(options),
                                               .summarize = options.summarize},
                                              clock, notice);
    if (!outputs) {
        return log_error(outputs.error(), kFailed);
    }
    view = outputs->view();
    const StopSignals signals(!options.reloads());
    const RequestSignals requests(options.reloads());
    auto metrics = MetricsPublisher::start(options.metrics, clock, notice);
    if (!metrics) {
        return log_error(metrics.error(), kFailed);
    }
    std::optional<LiveEvidence> evidence;  // outlives the watch, whose thread uses it
    if (const Status opened = open_evidence(options.evidence, evidence); !opened) {
        return log_error(opened.error(), kFailed);
    }
    if (evidence) {
        outputs->add(*evidence);
    }
    const auto report = open_report(options);
    if (!report) {
        return log_error(report.error(), kFailed);
    }
    if (*report) {
        outputs->add(**report);
    }
    output::FindingLimit findings(*outputs, options.count);
    auto watch = Watch::start(options, *std::move(filter),
                              {.output = findings,
                               .clock = clock,
                               .notice = notice,
                               .evidence = evidence ? &*evidence : nullptr});
    if (!watch) {
        return log_error(watch.error(), kFailed);
    }
    if (!options.quiet) {
        console.say(fmt::format("watching {}, {}{}.{}", watch->where(), mode_text(options),
                                scope_text(options), options.duration ? "" : " Ctrl-C ends."));
    }
    if (view != nullptr) {
        view->open();
    }
    const Status ran =
        run(*watch, PollLoop(signals, clock, options.duration), *outputs, *metrics, findings,
            options, requests, notice, clock, evidence ? &*evidence : nullptr);
    if (view != nullptr) {
        close_view(*view, console);
    }
    const Status finished = watch->finish();
    if (view != nullptr && finished) {
        console.say("resets: " + output::tally_text(view->resets()));
    }
    const Status written = outputs->finish();
    const Status kept = evidence ? finish(*evidence, console) : Status{};
    const Status shown = *report ? (*report)->finish() : Status{};
    for (const Status& status :
         {ran, finished, is_pointless(options, *outputs) ? Status{} : written, kept, shown}) {
        if (!status) {
            return console.log_error(status.error(), kFailed);
        }
    }
    return kDone;
}

}  // namespace flowstamp::cmd
