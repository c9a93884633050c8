// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "user/analysis/compare/drawn.h"
#include "user/cmd/report/page_file.h"
#include "user/output/report/report.h"

namespace flowstamp::cmd {

/// Gathers what comparisons prove, and writes a page of it at the end.
class ComparisonPage {
  public:
    /// Creates the file, so that what is wrong with it is known at once. `captures`: their files, in
    /// the order of the path.
    [[nodiscard]] static Result<std::unique_ptr<ComparisonPage>> open(
        const std::string& file, const std::vector<std::string>& captures);

    /// Connections of a comparison that are drawn at the most.
    static constexpr std::size_t kDrawnMost = 60;

    /// What two of the captures say of each other.
    void add(const analysis::compare::ComparedAndDrawn& its);
    /// Nothing may follow.
    [[nodiscard]] Status finish();

  private:
    ComparisonPage(PageFile page, const std::vector<std::string>& captures);

    PageFile page_;
    std::vector<std::string> captures_;
    output::Report report_;
};

}  // namespace flowstamp::cmd
