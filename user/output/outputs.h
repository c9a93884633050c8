// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "user/base/result.h"
#include "user/output/sink.h"
#include "user/output/reporter.h"

namespace flowstamp::output {

/// In which form a report is wanted, and where; as the options of the same names say.
struct ReportChoice {
    bool json = false;
    std::optional<std::string> output{};  ///< a file instead of standard output
    bool print = false;                   ///< text on standard output besides that file
    bool quiet = false;
    int verbosity = 0;
};

/// Where a report goes, and in which form: standard output or a file, text or JSON lines, and with
/// `print` the text on standard output besides.
class ReportStreams {
  public:
    /// Fails when the file cannot be written.
    [[nodiscard]] static Result<ReportStreams> open(const ReportChoice& choice);

    [[nodiscard]] Reporter& reporter() { return *named_; }
    /// Whether all could be written so far.
    [[nodiscard]] bool is_broken() const;
    /// The first failure; a reader that has gone is none, but the end.
    [[nodiscard]] Status status() const;

  private:
    ReportStreams() = default;

    std::unique_ptr<Output> output_;
    std::unique_ptr<Output> printed_;  ///< with --print
    std::unique_ptr<Reporter> main_;
    std::unique_ptr<Reporter> print_;
    std::unique_ptr<Reporter> both_;
    Reporter* reporter_ = nullptr;     ///< of the three, the one that tells all
    std::unique_ptr<Reporter> named_;  ///< around it
};

}  // namespace flowstamp::output
