// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/incident_text.h"

#include <fmt/format.h>

#include "user/analysis/incidents.h"
#include "user/output/text/counted.h"

namespace flowstamp::output {

namespace {

std::string clients_text(const analysis::Incident& its) {
    if (its.clients == 1) {
        return its.client.ip_text();
    }
    const bool may_be_more = its.clients >= analysis::Incidents::kClientsKept;
    return fmt::format("{}{} clients", may_be_more ? "at least " : "", grouped(its.clients));
}

/// "57 clients > 10.2.0.2:8500", "3 clients > several servers, middlebox #1".
std::string parties_text(const analysis::Incident& its) {
    std::string text = ends_text(its);
    if (its.middlebox) {
        text += fmt::format(", middlebox #{}", *its.middlebox);
    }
    if (its.router) {
        text += fmt::format(", rejected by {}", its.router->ip_text());
    }
    if (!its.place.empty()) {
        text += ", at " + its.place;
    }
    return text;
}

}  // namespace

std::string ends_text(const analysis::Incident& its) {
    return fmt::format("{} > {}", clients_text(its),
                       its.server ? its.server->text() : "several servers");
}

std::string incident_text(const analysis::Incident& its, const Style& style, EventTimes& times) {
    const bool is_drop = its.kind == analysis::FindingKind::local_drop;
    std::string text = fmt::format(
        "{} {} {}  {}  {}\n    {} like finding #{}, ", times.text(its.wall),
        style.strong(fmt::format("incident #{}{}", its.id, its.has_ended ? ", ended" : "")),
        analysis::name_of(its.kind), parties_text(its), its.interface,
        counted_grouped(its.count, is_drop ? "connection" : "finding"), its.finding);
    text += fmt::format("{} {}{} {}\n", its.has_ended ? "from" : "since", times.text(its.first),
                        its.has_ended ? " to" : "; latest", times.text(its.last));
    if (!its.rule.empty()) {
        text += fmt::format("    by {}\n", its.rule);
    }
    return text;
}

}  // namespace flowstamp::output
