// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/watch/live_report.h"

#include <fmt/format.h>

#include <utility>

#include "user/cmd/version.h"
#include "user/output/json/json_output.h"

namespace flowstamp::cmd {

Result<std::unique_ptr<LiveReport>> LiveReport::open(const std::string& file, std::string title) {
    if (const Status built_in = PageFile::check_built_in(); !built_in) {
        return std::unexpected(built_in.error());
    }
    auto page = PageFile::create(file);
    if (!page) {
        return std::unexpected(std::move(page).error());
    }
    return std::unique_ptr<LiveReport>(new LiveReport(std::move(*page), std::move(title)));
}

LiveReport::LiveReport(PageFile page, std::string title)
    : page_(std::move(page)), report_{.made_by = fmt::format("flowstamp {}", version())} {
    entries_.begin({.name = std::move(title)});
}

/// Packets are gone by the end of a watch: as of JSON lines, a finding's stamps are drawn.
void LiveReport::consume(const output::Event& event) {
    if (const auto* finding = std::get_if<analysis::Finding>(&event)) {
        [[maybe_unused]] const bool is_json =
            entries_.consume_line(output::json_line(output::json_of(*finding), ""));
    } else {
        entries_.consume(event);
    }
}

Status LiveReport::finish() {
    entries_.finish();
    return page_.write(report_);
}

}  // namespace flowstamp::cmd
