// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>
#include <utility>

#include "user/base/result.h"
#include "user/output/report/report.h"
#include "user/output/sink.h"

namespace flowstamp::cmd {

/// The file of a report's page.
class PageFile {
  public:
    /// Fails where the program was built without pages.
    [[nodiscard]] static Status check_built_in();
    /// Creates or truncates it; "-" is standard output.
    [[nodiscard]] static Result<PageFile> create(const std::string& path);

    [[nodiscard]] Status write(const output::Report& report);

  private:
    explicit PageFile(output::Output output) : output_(std::move(output)) {}

    output::Output output_;
};

}  // namespace flowstamp::cmd
