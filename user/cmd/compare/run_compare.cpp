// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/compare/run_compare.h"

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "user/analysis/compare/comparison.h"
#include "user/analysis/incidents.h"
#include "user/base/console.h"
#include "user/base/signals.h"
#include "user/cmd/compare/read_recording.h"
#include "user/cmd/replay/progress.h"
#include "user/output/fail_on.h"
#include "user/output/outputs.h"

namespace flowstamp::cmd {

namespace {

using analysis::compare::Compared;

/// Opening the report's file must not truncate a capture.
Status keep_apart(const CompareOptions& options) {
    for (const std::string& capture : options.captures) {
        std::error_code ignored;
        if (options.output && std::filesystem::equivalent(capture, *options.output, ignored)) {
            return fail({.operation = "write",
                         .object = *options.output,
                         .reason = "that is a capture to be compared",
                         .hint = "give -o another file"});
        }
    }
    return {};
}

/// The captures of a command line, two of them at a time.
class Comparisons {
  public:
    explicit Comparisons(output::Consumer& output) : output_(output) {}

    /// Reads the next one along the path, and compares it with the one before. Fails if it cannot be
    /// read to its end; what was read is compared.
    [[nodiscard]] Status add(const std::string& file) {
        auto source = net::open_file(file, signals_.descriptor());
        if (!source) {
            return std::unexpected(source.error());
        }
        Progress progress(::isatty(STDERR_FILENO) ? stderr : nullptr, net::file_title(file),
                          clock_);
        auto its = read_recording(std::move(*source), file,
                                  [&](std::optional<double> done, std::uint64_t frames) {
                                      progress.show(done, frames);
                                      return !is_stopped();
                                  });
        if (!its) {
            return std::unexpected(its.error());
        }
        if (former_ && !is_stopped()) {
            report(compare(*former_, its->recording, next_id_), file);
        }
        former_.emplace(std::move(its->recording));
        return its->read;
    }

    /// Whether a stop signal was received, as from Ctrl-C.
    [[nodiscard]] bool is_stopped() const {
        pollfd waiting{.fd = signals_.descriptor(), .events = POLLIN, .revents = 0};
        return ::poll(&waiting, 1, 0) > 0;
    }

  private:
    void report(Compared compared, const std::string& file) {
        output_.consume(output::CaptureStart{});
        output_.consume(compared.comparison);
        const std::string name = std::filesystem::path(file).filename().string();
        analysis::Incidents incidents;
        for (analysis::Finding& finding : compared.findings) {
            incidents.record(finding, finding.sighting.wall);
            const std::string& place = finding.sighting.interface;
            const bool is_latter = place == file || place == name;
            output_.consume(output::CaptureStart{is_latter ? file : former_->file()});
            output_.consume(finding);
        }
        output_.consume(output::CaptureStart{});
        for (analysis::Incident incident : incidents.all()) {
            incident.wall = incident.last;
            output_.consume(incident);
        }
        next_id_ += compared.findings.size();
    }

    output::Consumer& output_;
    SystemClock clock_;
    StopSignals signals_;
    std::optional<analysis::compare::Recording> former_{};
    std::uint64_t next_id_ = 1;
};

}  // namespace

int run_compare(const CompareOptions& options) {
    if (const Status apart = keep_apart(options); !apart) {
        return log_error(apart.error(), kFailed);
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
    output::FailOn fail_on(*outputs, options.fail_on, options.fail_on_any);
    Comparisons comparisons(fail_on);
    int status = kDone;
    for (const std::string& file : options.captures) {
        if (const Status added = comparisons.add(file); !added) {
            status = log_error(added.error(), kFailed);
        }
        if (outputs->is_broken() || comparisons.is_stopped()) {
            break;
        }
    }
    if (const Status written = outputs->status(); !written) {
        status = log_error(written.error(), kFailed);
    }
    return status == kDone && fail_on.is_met() ? kFound : status;
}

}  // namespace flowstamp::cmd
