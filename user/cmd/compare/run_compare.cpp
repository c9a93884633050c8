// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/compare/run_compare.h"

#include <poll.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "user/analysis/compare/drawn.h"
#include "user/analysis/incidents.h"
#include "user/base/console.h"
#include "user/base/signals.h"
#include "user/cmd/compare/comparison_page.h"
#include "user/cmd/compare/read_recording.h"
#include "user/cmd/keep_apart.h"
#include "user/cmd/replay/progress.h"
#include "user/output/fail_on.h"
#include "user/output/outputs.h"

namespace flowstamp::cmd {

namespace {

using analysis::compare::Compared;
using analysis::compare::ComparedAndDrawn;

/// Opening an output must not truncate a capture.
Status keep_captures(const CompareOptions& options) {
    for (const auto& [file, option] :
         {std::pair(options.output, "-o"), std::pair(options.report, "--report")}) {
        if (file) {
            const Status apart =
                keep_apart(options.captures, *file, "a capture to be compared", option);
            if (!apart) {
                return apart;
            }
        }
    }
    return {};
}

/// What --report asks for; null if it was not given.
Result<std::unique_ptr<ComparisonPage>> open_page(const CompareOptions& options) {
    if (!options.report) {
        return nullptr;
    }
    return ComparisonPage::open(*options.report, options.captures);
}

/// The captures of a command line, two of them at a time.
class Comparisons {
  public:
    /// `page`: null without --report.
    Comparisons(output::Consumer& output, ComparisonPage* page) : output_(output), page_(page) {}

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
            const std::size_t draw = page_ ? ComparisonPage::kDrawnMost : 0;
            report(compare_and_draw(*former_, its->recording, next_id_, draw), file);
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
    void report(ComparedAndDrawn its, const std::string& file) {
        if (page_) {
            page_->add(its);
        }
        Compared& compared = its.compared;
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
    ComparisonPage* page_;
    SystemClock clock_;
    StopSignals signals_;
    std::optional<analysis::compare::Recording> former_{};
    std::uint64_t next_id_ = 1;
};

}  // namespace

int run_compare(const CompareOptions& options) {
    if (const Status apart = keep_captures(options); !apart) {
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
    const auto page = open_page(options);
    if (!page) {
        return log_error(page.error(), kFailed);
    }
    output::FailOn fail_on(*outputs, options.fail_on, options.fail_on_any);
    Comparisons comparisons(fail_on, page->get());
    int status = kDone;
    for (const std::string& file : options.captures) {
        if (const Status added = comparisons.add(file); !added) {
            status = log_error(added.error(), kFailed);
        }
        if (outputs->is_broken() || comparisons.is_stopped()) {
            break;
        }
    }
    if (const Status shown = *page ? (*page)->finish() : Status{}; !shown) {
        status = log_error(shown.error(), kFailed);
    }
    if (const Status written = outputs->status(); !written) {
        status = log_error(written.error(), kFailed);
    }
    return status == kDone && fail_on.is_met() ? kFound : status;
}

}  // namespace flowstamp::cmd
