// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include <fmt/format.h>

#include "user/base/time_text.h"
#include "user/net/names.h"
#include "user/output/json/json_events.h"

namespace flowstamp::output {

namespace {

Json ends(const fst_path_tuple& tuple) {
    const net::Endpoint from = pathtrace::source_of(tuple);
    const net::Endpoint to = pathtrace::destination_of(tuple);
    Json json = {{"src_ip", from.ip_text()}};
    if (from.port != 0) {
        json["src_port"] = from.port;
    }
    json["dest_ip"] = to.ip_text();
    if (to.port != 0) {
        json["dest_port"] = to.port;
    }
    return json;
}

Json attribution(const netfilter::DropAttribution& its) {
    Json json = {{"tool", name_of(its.tool, its.family)},
                 {"family", name_of(its.family)},
                 {"table", its.table},
                 {"chain", its.chain}};
    if (its.handle != 0) {
        json["handle"] = its.handle;
    }
    if (its.number != 0) {
        json["number"] = its.number;
    }
    json["text"] = its.text;
    json["certainty"] = its.certainty == netfilter::Certainty::certain ? "certain" : "probable";
    json["why"] = its.why;
    if (!its.others.empty()) {
        json["others"] = its.others;
    }
    return json;
}

Json drop(const pathtrace::PathReport::Drop& its) {
    Json json = {{"reason", its.reason}, {"words", its.words.words}};
    if (!its.at.empty()) {
        json["at"] = its.at;
    }
    if (its.or_further_on) {
        json["or_further_on"] = true;
    }
    if (!its.location.empty()) {
        json["location"] = its.location;
    }
    if (!its.words.look_at.empty()) {
        json["look_at"] = its.words.look_at;
    }
    if (its.counter) {
        json["counter"] = {{"name", its.counter->name},
                           {"increase", its.counter->by},
                           {"shown_by", its.counter->shown_by}};
    }
    if (its.attribution) {
        json["rule"] = attribution(*its.attribution);
    }
    return json;
}

Json delivery(const pathtrace::Delivery& its) {
    Json json = {{"answered", its.is_answered}};
    if (!its.state.empty()) {
        json["state"] = its.state;
    }
    json["processes"] = Json::array();
    for (const pathtrace::Delivery::Process& process : its.processes) {
        json["processes"].push_back({{"pid", process.pid}, {"name", process.name}});
    }
    json["causes"] = Json::array();
    for (const pathtrace::Delivery::Cause& cause : its.causes) {
        json["causes"].push_back(
            {{"kind", name_of(cause.kind)}, {"words", cause.words}, {"look_at", cause.look_at}});
    }
    return json;
}

Json bridge(const pathtrace::BridgePorts& ports) {
    Json json = {{"in", ports.in}};
    if (!ports.out.empty()) {
        json["out"] = ports.out;
    }
    return json;
}

Json steps(const pathtrace::PathReport& report) {
    Json list = Json::array();
    for (const pathtrace::PathStep& step : report.steps) {
        Json json = {{"at", step.at}, {"passed", step.passed}};
        if (!step.changed.empty()) {
            json["changed"] = step.changed;
        }
        json["after_us"] = std::chrono::duration<double, std::micro>(step.since_start).count();
        list.push_back(std::move(json));
    }
    return list;
}

}  // namespace

Json json_of(const pathtrace::PathReport& report) {
    Json path = {{"flow", report.flow},
                 {"direction", report.is_reply ? "reply" : "original"},
                 {"end", name_of(report.end)},
                 {"packets", report.packets}};
    if (!report.toward.empty()) {
        path["toward"] = report.toward;
    }
    if (report.is_made_here) {
        path["made_here"] = true;
    }
    if (report.translated) {
        path["translated"] = ends(*report.translated);
    }
    if (report.untranslated) {
        path["untranslated"] = *report.untranslated;
    }
    if (!report.netns.empty()) {
        path["netns"] = report.netns;
    }
    path["stations"] = steps(report);
    if (report.bridge) {
        path["bridge"] = bridge(*report.bridge);
    }
    if (report.drop) {
        path["drop"] = drop(*report.drop);
    }
    if (report.delivery) {
        path["delivery"] = delivery(*report.delivery);
    }
    Json event = {{"timestamp", eve_timestamp(report.wall)}, {"event_type", "path"}};
    event.update(ends(report.name));
    event["proto"] = net::protocol_name(report.name.protocol);
    event["path"] = std::move(path);
    return event;
}

Json json_of(const pathtrace::PathStats& stats) {
    Json losses = Json::array();
    for (const pathtrace::PathStats::Loss& loss : stats.losses) {
        Json one = {{"packets", loss.packets}};
        for (const auto& [name, text] :
             {std::pair("at", &loss.at), std::pair("before", &loss.before),
              std::pair("by", &loss.by)}) {
            if (!text->empty()) {
                one[name] = *text;
            }
        }
        losses.push_back(std::move(one));
    }
    const Json json = {{"uptime_s", std::chrono::duration<double>(stats.uptime).count()},
                       {"packets", stats.packets},
                       {"flows", stats.flows},
                       {"left", stats.left()},
                       {"forwarded", stats.forwarded},
                       {"sent", stats.sent},
                       {"delivered", stats.delivered},
                       {"dropped", stats.dropped},
                       {"answered", stats.answered},
                       {"unknown", stats.unknown},
                       {"events_lost", stats.events_lost},
                       {"not_followed", stats.not_followed},
                       {"losses", std::move(losses)}};
    return {{"timestamp", eve_timestamp(stats.wall)},
            {"event_type", "path_stats"},
            {"path_stats", json}};
}

}  // namespace flowstamp::output
