// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/compare/comparison_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <utility>

#include "user/base/printable.h"
#include "user/cmd/version.h"
#include "user/output/report/ladder.h"
#include "user/output/report/report_entries.h"
#include "user/output/text/cleaned.h"
#include "user/output/text/comparison_text.h"
#include "user/output/text/counted.h"

namespace flowstamp::cmd {

namespace {

/// Without their folders, unless two have one name.
std::vector<std::string> titles_of(const std::vector<std::string>& files) {
    std::vector<std::string> titles;
    titles.reserve(files.size());
    for (const std::string& file : files) {
        titles.push_back(printable(std::filesystem::path(file).filename().string()));
    }
    const bool are_distinct =
        std::set<std::string>(titles.begin(), titles.end()).size() == titles.size();
    return are_distinct ? titles : files;
}

}  // namespace

Result<std::unique_ptr<ComparisonPage>> ComparisonPage::open(
    const std::string& file, const std::vector<std::string>& captures) {
    if (const Status built_in = PageFile::check_built_in(); !built_in) {
        return std::unexpected(built_in.error());
    }
    auto page = PageFile::create(file);
    if (!page) {
        return std::unexpected(std::move(page).error());
    }
    return std::unique_ptr<ComparisonPage>(new ComparisonPage(std::move(*page), captures));
}

ComparisonPage::ComparisonPage(PageFile page, const std::vector<std::string>& captures)
    : page_(std::move(page)),
      captures_(captures),
      report_{.made_by = fmt::format("flowstamp {}", version())} {
    for (const std::string& title : titles_of(captures)) {
        report_.sources.push_back({.name = title});
    }
}

void ComparisonPage::add(const analysis::compare::ComparedAndDrawn& its) {
    const analysis::compare::Compared& compared = its.compared;
    const auto& [a, b] = compared.comparison.captures;
    const auto former = std::ranges::find(captures_, a.file);
    const auto latter = std::find(former + 1, captures_.end(), b.file);
    const auto source_a = static_cast<std::size_t>(former - captures_.begin());
    const auto source_b = static_cast<std::size_t>(latter - captures_.begin());
    const auto printed = std::get<analysis::compare::Comparison>(
        output::cleaned(output::Event(compared.comparison)));
    report_.comparisons.push_back(
        {.conclusion = output::conclusion_text(printed, output::Style(false)),
         .rows = output::comparison_rows(printed, output::Style(false), true)});
    const std::array names = {report_.sources[source_a].name, report_.sources[source_b].name};
    std::vector<std::size_t> entries;
    std::uint64_t not_listed = 0;
    for (const analysis::Finding& finding : compared.findings) {
        if (report_.entries.size() == output::ReportEntries::kMost) {
            not_listed++;
            continue;
        }
        entries.push_back(report_.entries.size());
        report_.entries.push_back(
            output::entry_of(std::get<analysis::Finding>(output::cleaned(output::Event(finding)))));
        const std::string& place = report_.entries.back().interface;
        const bool is_latter = place == names[1] || names[1].ends_with("/" + place);
        report_.entries.back().source = is_latter ? source_b : source_a;
    }
    for (const auto& drawn : its.drawn) {
        output::ReportFlow flow{.source = source_a};
        for (const std::size_t finding : drawn.findings) {
            if (finding < entries.size()) {
                flow.entries.push_back(entries[finding]);
            }
        }
        if (flow.entries.empty()) {
            continue;
        }
        if (drawn.crossings && compared.comparison.clock && not_listed == 0) {
            flow.ladder =
                output::ladder_of(*drawn.crossings, *compared.comparison.clock, entries, names);
        }
        report_.flows.push_back(std::move(flow));
    }
    if (not_listed != 0) {
        report_.left_out.push_back(
            fmt::format("{} are not listed.", output::counted_grouped(not_listed, "more finding")));
    }
    if (its.not_drawn != 0) {
        report_.left_out.push_back(
            fmt::format("{} are listed and not drawn: {} are.",
                        output::counted_grouped(its.not_drawn, "more connection"), kDrawnMost));
    }
}

Status ComparisonPage::finish() {
    return page_.write(report_);
}

}  // namespace flowstamp::cmd
