// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/replay/run_replay.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>

#include "user/base/console.h"
#include "user/base/signals.h"
#include "user/cmd/replay/arguments.h"
#include "user/cmd/replay/kernel_datapath.h"
#include "user/cmd/replay/packet_evidence.h"
#include "user/cmd/replay/progress.h"
#include "user/cmd/replay/replay_run.h"
#include "user/output/evidence/evidence_recorder.h"
#include "user/output/fail_on.h"
#include "user/output/finding_limit.h"
#include "user/output/outputs.h"

namespace flowstamp::cmd {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kFramesPerCheck = 256;

/// Nobody types a capture, and Ctrl-C would only work after the typed line.
Status refuse_terminal(const ReplayArguments& arguments) {
    if (std::ranges::find(arguments.captures, "-") != arguments.captures.end() &&
        ::isatty(STDIN_FILENO)) {
        return fail({.operation = "read",
                     .object = "standard input",
                     .reason = "that is a terminal",
                     .hint = "pipe a capture into it: tcpdump -w - | flowstamp replay -"});
    }
    return {};
}

/// Whether anything has that name, also a pipe; a directory is refused when it is opened.
bool is_there(const std::string& path) {
    std::error_code ignored;
    return fs::exists(path, ignored);
}

/// Opening the report's file must not truncate a capture.
Status keep_apart(const ReplayArguments& arguments, const std::optional<std::string>& output) {
    for (const std::string& capture : arguments.captures) {
        std::error_code ignored;
        if (output && fs::equivalent(capture, *output, ignored)) {
            return fail({.operation = "write",
                         .object = *output,
                         .reason = "that is a capture to be replayed",
                         .hint = "give -o another file"});
        }
    }
    return {};
}

void add(analysis::Stats& sum, const analysis::Stats& stats) {
    sum.wall = std::max(sum.wall, stats.wall);
    sum.uptime += stats.uptime;
    for (std::size_t i = 0; i < sum.counters.size(); i++) {
        sum.counters[i] += stats.counters[i];
    }
    sum.findings_suspected += stats.findings_suspected;
    sum.findings_confirmed += stats.findings_confirmed;
    sum.records_unread += stats.records_unread;
    for (const auto& [encapsulation, frames] : stats.unopened) {
        sum.unopened[encapsulation] += frames;
    }
}

/// The captures of one command line, one after another.
class Captures {
  public:
    /// `evidence`: null for none; outlives them.
    Captures(const ReplayOptions& options, std::string filter, output::Consumer& output,
             PacketEvidence* evidence)
        : options_(options),
          filter_(std::move(filter)),
          output_(output, options.count),
          evidence_(evidence) {}

    /// Replays one with a new data path. Fails if it cannot be read to its end; what was read is
    /// reported, and added to the totals.
    [[nodiscard]] Status replay(const std::string& file, bool is_only_one) {
        auto source = net::open_file(file, signals_.descriptor());
        if (!source) {
            return std::unexpected(source.error());
        }
        auto capture = net::CaptureReader::open(std::move(*source), net::file_title(file));
        if (!capture) {
            return is_stopped() ? Status{} : std::unexpected(capture.error());
        }
        auto path = options_.backend == Backend::kernel ? make_kernel_path(options_.max_flows)
                                                        : make_host_path(options_.max_flows);
        if (!path) {
            return std::unexpected(path.error());
        }
        output_.consume(output::CaptureStart{file});
        replayed_++;
        analysis::NoPolicy no_policy;
        analysis::PolicySink& policy =
            options_.learn ? static_cast<analysis::PolicySink&>(**path) : no_policy;
        const auto ran = run({**capture, **path, output_, policy, evidence_}, file);
        if (ran.stats) {
            add(sum_, *ran.stats);
            if (!is_only_one) {
                output_.consume(*ran.stats);
            }
        }
        return !ran.read ? ran.read : ran.stats ? Status{} : std::unexpected(ran.stats.error());
    }

    /// Reports the totals of all that could be opened, if any.
    void summarise() {
        if (replayed_ > 1) {
            output_.consume(output::CaptureStart{});
        }
        if (replayed_ > 0) {
            output_.consume(analysis::Summary{sum_});
        }
    }
    /// Whether it has brought as many findings as wanted.
    [[nodiscard]] bool has_enough() const { return output_.is_reached(); }
    /// Whether a stop signal was received, as from Ctrl-C.
    [[nodiscard]] bool is_stopped() const {
        pollfd waiting{.fd = signals_.descriptor(), .events = POLLIN, .revents = 0};
        return ::poll(&waiting, 1, 0) > 0;
    }

  private:
    struct Ran {
        Status read;
        Result<analysis::Stats> stats;
    };

    [[nodiscard]] Ran run(const ReplayRun::Dependencies& parts, const std::string& file) {
        ReplayRun run(parts, file == "-" ? "stdin" : fs::path(file).filename().string(), filter());
        Progress progress(::isatty(STDERR_FILENO) ? stderr : nullptr, net::file_title(file),
                          clock_);
        Status read;
        for (std::uint64_t frames = 0;; frames++) {
            const auto step = run.step();
            if (!step && !is_stopped()) {
                read = std::unexpected(step.error());
            }
            if (!step || !*step || output_.is_reached()) {
                break;
            }
            if (frames % kFramesPerCheck == 0) {
                progress.show(parts.capture.progress(), frames);
                if (is_stopped()) {
                    break;
                }
            }
        }
        return {read, run.finish()};
    }

    [[nodiscard]] std::optional<net::Filter> filter() const {
        if (filter_.empty()) {
            return std::nullopt;
        }
        auto compiled = net::Filter::compile(filter_);  // checked in run_replay()
        return compiled ? std::optional(std::move(*compiled)) : std::nullopt;
    }

    const ReplayOptions& options_;
    std::string filter_;
    output::FindingLimit output_;
    PacketEvidence* evidence_;
    SystemClock clock_;
    StopSignals signals_;
    analysis::Stats sum_;
    std::size_t replayed_ = 0;  ///< captures that could be opened
};

/// What --evidence asks for: nothing if it was not given.
class Evidence {
  public:
    /// Fails if the folder cannot be written to, or there is no key. `outputs` outlive it.
    [[nodiscard]] Status start(const ReplayOptions& options, output::Outputs& outputs) {
        if (!options.evidence.folder) {
            return {};
        }
        const auto anonymizer = open_anonymizer(options.evidence);
        if (!anonymizer) {
            return std::unexpected(anonymizer.error());
        }
        auto folder =
            output::EvidenceFolder::open(*options.evidence.folder, options.evidence.limits);
        if (!folder) {
            return std::unexpected(std::move(folder).error());
        }
        recorder_.emplace(std::move(*folder), false, say, *anonymizer);
        packets_.emplace(*recorder_, options.snap_bytes);
        outputs.add(*recorder_);
        return {};
    }
    [[nodiscard]] PacketEvidence* packets() { return packets_ ? &*packets_ : nullptr; }
    [[nodiscard]] Status finish() { return recorder_ ? recorder_->finish() : Status{}; }

  private:
    std::optional<output::EvidenceRecorder> recorder_;
    std::optional<PacketEvidence> packets_;
};

}  // namespace

int run_replay(const ReplayOptions& options) {
    const auto arguments = separate_arguments(options.reads, options.words, is_there);
    if (!arguments) {
        return log_error(arguments.error(), kFailed);
    }
    if (!arguments->filter.empty()) {
        if (const auto compiled = net::Filter::compile(arguments->filter); !compiled) {
            return log_error(compiled.error(), kUsage);
        }
    }
    for (const Status& fit :
         {keep_apart(*arguments, options.output), refuse_terminal(*arguments)}) {
        if (!fit) {
            return log_error(fit.error(), kFailed);
        }
    }
    auto outputs = output::Outputs::open({.json = options.json,
                                          .output = options.output,
                                          .print = false,
                                          .quiet = options.quiet,
                                          .verbosity = options.verbosity,
                                          .colour = options.colour,
                                          .times = options.times,
                                          .summarize = options.summarize});
    if (!outputs) {
        return log_error(outputs.error(), kFailed);
    }
    Evidence evidence;
    if (const Status started = evidence.start(options, *outputs); !started) {
        return log_error(started.error(), kFailed);
    }
    output::FailOn fail_on(*outputs, options.fail_on, options.fail_on_any);
    Captures captures(options, arguments->filter, fail_on, evidence.packets());
    int status = kDone;
    for (const std::string& file : arguments->captures) {
        const bool is_only_one = arguments->captures.size() == 1;
        if (const Status replayed = captures.replay(file, is_only_one); !replayed) {
            status = log_error(replayed.error(), kFailed);
        }
        if (outputs->is_broken() || captures.is_stopped() || captures.has_enough()) {
            break;
        }
    }
    captures.summarise();
    for (const Status& written : {outputs->status(), evidence.finish()}) {
        if (!written) {
            status = log_error(written.error(), kFailed);
        }
    }
    return status == kDone && fail_on.is_met() ? kFound : status;
}

}  // namespace flowstamp::cmd
