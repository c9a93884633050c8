// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/report/report_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "flowstamp/hops.h"
#include "user/net/names.h"

namespace flowstamp::output {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kPlaceOfData = "@DATA@";

Json json_of(const ReportEntry& its) {
    Json evidence = Json::array();
    for (const auto& row : its.evidence) {
        evidence.push_back(row);
    }
    Json details = Json::array();
    for (const auto& [label, text] : its.details) {
        details.push_back({label, text});
    }
    Json json = {{"source", its.source},
                 {"id", its.id},
                 {"reset", its.is_reset},
                 {"kind", its.kind},
                 {"verdict", its.verdict},
                 {"headline", its.headline},
                 {"time", its.time},
                 {"from", its.from},
                 {"to", its.to},
                 {"interface", its.interface},
                 {"summary", its.summary},
                 {"observed", its.evidence_titles.first},
                 {"baseline", its.evidence_titles.second},
                 {"evidence", std::move(evidence)},
                 {"details", std::move(details)}};
    if (its.frame) {
        json["frame"] = *its.frame;
    }
    if (!its.stamps.empty()) {
        Json stamps = Json::array();
        for (const TracedStamp& stamp : its.stamps) {
            stamps.push_back({stamp.time, stamp.is_from_sender ? 0 : 1, stamp.ttl,
                              fst_hops(stamp.ttl), stamp.ip_id ? Json(*stamp.ip_id) : Json(),
                              net::tcp_flags_short(stamp.tcp_flags)});
        }
        json["stamps"] = std::move(stamps);
    }
    return json;
}

/// Rows of numbers: a page of names would be five times as long.
Json json_of(const TracedPacket& packet, unsigned opener, Nanoseconds begin) {
    return Json::array({std::chrono::duration<double, std::micro>(packet.wall - begin).count(),
                        packet.sender == opener ? 0 : 1, packet.seq, packet.payload,
                        packet.ack ? Json(*packet.ack) : Json(), packet.window, packet.ttl,
                        fst_hops(packet.ttl), packet.ip_id ? Json(*packet.ip_id) : Json(),
                        net::tcp_flags_short(packet.tcp_flags), packet.frame,
                        packet.is_repeated ? 1 : 0, packet.entry ? Json(*packet.entry) : Json()});
}

/// An end's point of an arrow as a row of numbers; times are since the drawing's first.
Json json_of(const std::optional<TracedPacket>& point, const Ladder& ladder, Nanoseconds begin) {
    return point ? json_of(*point, ladder.opener, begin) : Json();
}

Json json_of(const Ladder& its) {
    Nanoseconds begin = Nanoseconds::max();
    for (const Ladder::Arrow& arrow : its.arrows) {
        begin = std::min(begin, arrow.time());
    }
    Json arrows = Json::array();
    for (const Ladder::Arrow& arrow : its.arrows) {
        arrows.push_back({arrow.goes_to_b ? 1 : 0, static_cast<int>(arrow.passage),
                          json_of(arrow.at_a, its, begin), json_of(arrow.at_b, its, begin),
                          arrow.entry ? Json(*arrow.entry) : Json(), arrow.left_out_before});
    }
    Json ends = Json::array();
    for (const auto& pair : its.ends) {
        ends.push_back({pair[its.opener].text(), pair[its.opener ^ 1U].text()});
    }
    return {{"captures", its.captures},
            {"ends", std::move(ends)},
            {"first_numbers", {its.first_numbers[its.opener], its.first_numbers[its.opener ^ 1U]}},
            {"begin_us", begin.count() / 1000},
            {"clocks", its.clocks},
            {"left_out", its.left_out()},
            {"left_out_after", its.left_out_after},
            {"arrows", std::move(arrows)}};
}

Json json_of(const ReportComparison& its) {
    Json rows = Json::array();
    for (const auto& [label, text] : its.rows) {
        rows.push_back({label, text});
    }
    return {{"conclusion", its.conclusion}, {"rows", std::move(rows)}};
}

Json json_of(const ReportFlow& its) {
    Json json = {{"source", its.source}, {"entries", its.entries}};
    if (its.ladder) {
        json["ladder"] = json_of(*its.ladder);
    }
    if (!its.trace || its.trace->packets().empty()) {
        return json;
    }
    const FlowTrace& trace = *its.trace;
    const unsigned opener = trace.opener();
    const Nanoseconds begin = trace.packets().front().wall;
    json["client"] = trace.end(opener).text();
    json["server"] = trace.end(opener ^ 1U).text();
    Json first_numbers = Json::array();
    for (const unsigned end : {opener, opener ^ 1U}) {
        const auto first = trace.first_number(end);
        first_numbers.push_back(first ? Json(*first) : Json());
    }
    json["first_numbers"] = std::move(first_numbers);
    json["begin_us"] = begin.count() / 1000;
    json["left_out"] = trace.left_out();
    Json packets = Json::array();
    for (const TracedPacket& packet : trace.packets()) {
        packets.push_back(json_of(packet, opener, begin));
    }
    json["packets"] = std::move(packets);
    return json;
}

template <class Each>
Json list_of(const std::vector<Each>& all) {
    Json list = Json::array();
    for (const Each& its : all) {
        list.push_back(json_of(its));
    }
    return list;
}

}  // namespace

std::string script_data(const Report& report) {
    Json sources = Json::array();
    for (const ReportSource& source : report.sources) {
        sources.push_back(source.name);
    }
    const Json json = {{"made_by", report.made_by},
                       {"sources", std::move(sources)},
                       {"entries", list_of(report.entries)},
                       {"comparisons", list_of(report.comparisons)},
                       {"flows", list_of(report.flows)},
                       {"incidents", report.incidents},
                       {"boxes", report.boxes},
                       {"totals", report.totals},
                       {"left_out", report.left_out}};
    // Names of files and interfaces need not be UTF-8.
    const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
    std::string escaped;
    escaped.reserve(text.size());
    for (const char c : text) {
        if (c == '<') {
            escaped += "\\u003c";
        } else {
            escaped += c;
        }
    }
    return escaped;
}

std::string html_of(const Report& report) {
    const std::string_view page = page_template();
    const std::size_t place = page.find(kPlaceOfData);
    std::string html(page.substr(0, place));
    html += script_data(report);
    html += page.substr(place + kPlaceOfData.size());
    return html;
}

}  // namespace flowstamp::output
