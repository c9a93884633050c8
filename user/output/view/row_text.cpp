// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/view/row_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "user/analysis/names.h"
#include "user/analysis/reset/path_values.h"
#include "user/output/text/incident_text.h"
#include "user/output/text/statement_text.h"
#include "user/output/text/value_text.h"

namespace flowstamp::output {

namespace {

std::string box_text(std::uint64_t id, const WatchView& view) {
    std::string text = fmt::format("box #{}", id);
    const auto box = std::ranges::find(view.boxes, id, &analysis::Middlebox::id);
    if (box != view.boxes.end() &&
        analysis::tells_distance(static_cast<std::uint8_t>(box->ttl.value))) {
        text += fmt::format(", {} away", hops_text(box->hops));
    }
    return text;
}

/// "iptables-nft, table filter, chain FORWARD, rule 1" without what the rule says.
std::string place_of_rule(const std::string& rule) {
    return rule.substr(0, rule.find(": "));
}

bool is_made_here(const WatchView::Row& row) {
    return row.finding && (row.finding->signals & FST_SIGNAL_BIT(FST_SIGNAL_MADE_HERE)) != 0;
}

/// Empty if nobody is known to be to blame.
std::string blamed_text(const WatchView::Row& row, const WatchView& view) {
    const analysis::Incident& its = row.incident;
    if (its.middlebox) {
        return box_text(*its.middlebox, view);
    }
    if (!its.rule.empty()) {
        return place_of_rule(its.rule);
    }
    if (its.router) {
        return "rejected by " + its.router->ip_text();
    }
    if (is_made_here(row)) {
        return "made on this host";
    }
    return its.place.empty() ? "" : "at " + its.place;
}

}  // namespace

std::string kind_text(const WatchView::Row& row) {
    const std::string_view kind = analysis::name_of(row.incident.kind);
    std::string text = row.finding
                           ? fmt::format("{} {}", analysis::name_of(row.finding->verdict), kind)
                           : std::string(kind);
    return row.incident.has_ended ? text + ", ended" : text;
}

std::string cause_text(const WatchView::Row& row, const WatchView& view) {
    const std::string blamed = blamed_text(row, view);
    const std::string ends = ends_text(row.incident);
    return blamed.empty() ? ends : fmt::format("{}: {}", blamed, ends);
}

std::string why_text(const WatchView::Row& row) {
    return row.finding ? summary_text(*row.finding) : "";
}

std::string age_text(Nanoseconds age) {
    using namespace std::chrono;
    const auto whole = duration_cast<seconds>(age).count();
    constexpr std::int64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour;
    if (whole < 1) {
        return "now";
    }
    if (whole < kMinute) {
        return fmt::format("{} s", whole);
    }
    if (whole < kHour) {
        return fmt::format("{} min", whole / kMinute);
    }
    return whole < kDay ? fmt::format("{} h", whole / kHour) : fmt::format("{} d", whole / kDay);
}

}  // namespace flowstamp::output
