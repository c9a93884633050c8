// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <memory>
#include <string>

#include "user/cmd/report/page_file.h"
#include "user/output/event.h"
#include "user/output/report/report_entries.h"

namespace flowstamp::cmd {

/// Gathers what a watch reports, and writes a page of it at the end.
class LiveReport final : public output::Consumer {
  public:
    /// Creates the file, so that what is wrong with it is known at once. `title`: the page's.
    [[nodiscard]] static Result<std::unique_ptr<LiveReport>> open(const std::string& file,
                                                                  std::string title);

    void consume(const output::Event& event) override;
    /// Nothing may follow.
    [[nodiscard]] Status finish();

  private:
    LiveReport(PageFile page, std::string title);

    PageFile page_;
    output::Report report_;
    output::ReportEntries entries_{report_};
};

}  // namespace flowstamp::cmd
