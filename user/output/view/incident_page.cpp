// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// One incident on the whole screen.
#include <algorithm>

#include "user/base/wrap.h"
#include "user/output/text/finding_text.h"
#include "user/output/text/incident_text.h"
#include "user/output/text/middlebox_text.h"
#include "user/output/view/watch_lines.h"

namespace flowstamp::output {

namespace {

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        lines.emplace_back(line);
        text.remove_prefix(std::min(text.size(), line.size() + 1));
    }
    return lines;
}

}  // namespace

std::vector<std::string> page_of(const WatchView& view, const WatchChoice& choice,
                                 std::size_t width, const Style& style) {
    const auto rows = shown_rows(view, choice);
    const std::size_t place = selected_row(rows, choice);
    if (rows.empty() || (choice.selected != 0 && rows[place]->incident.id != choice.selected)) {
        return {"", "This incident has been forgotten: others came after it."};
    }
    const WatchView::Row& row = *rows[place];
    EventTimes times = view.event_times;
    std::string text = "\n" + incident_text(row.incident, style, times);
    if (row.finding) {
        text += "\n" + finding_text(*row.finding, style, times.text(row.finding->sighting.wall),
                                    evidence_table(*row.finding, style));
    } else {
        text += "\nIts finding was told of too long ago to be shown here.\n";
    }
    const auto box =
        std::ranges::find(view.boxes, row.incident.middlebox,
                          [](const analysis::Middlebox& its) { return std::optional(its.id); });
    if (row.incident.middlebox && box != view.boxes.end()) {
        text += "\nBox #" + std::to_string(box->id) + ": " + summary_text(*box) + "\n";
    }
    return split(wrap_lines(text, width));
}

}  // namespace flowstamp::output
