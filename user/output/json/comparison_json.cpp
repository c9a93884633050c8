// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include <chrono>
#include <cmath>

#include "user/base/time_text.h"
#include "user/output/json/json_events.h"

namespace flowstamp::output {

namespace {

using namespace analysis::compare;

std::int64_t microseconds(Nanoseconds length) {
    return std::chrono::duration_cast<std::chrono::microseconds>(length).count();
}

std::int64_t microseconds(double nanoseconds) {
    constexpr double kMicrosecond = 1000;
    return std::llround(nanoseconds / kMicrosecond);
}

Json tally(const Tally& its) {
    return {{"has", its.has}, {"lacks", its.lacks}};
}

Json capture(const CaptureReport& its) {
    Json json = {{"packets", its.packets},
                 {"sent", tally(its.coverage.as_sender)},
                 {"received", tally(its.coverage.as_receiver)}};
    if (its.packets != 0) {
        json["begin"] = eve_timestamp(its.begin);
        json["end"] = eve_timestamp(its.end);
    }
    if (its.dropped) {
        json["dropped"] = *its.dropped;
    }
    if (its.cut != 0) {
        json["cut"] = its.cut;
    }
    if (its.left_out != 0) {
        json["left_out"] = its.left_out;
    }
    return json;
}

Json way(const WayReport& its) {
    Json json = {{"packets", its.pairs},
                 {"reordered", its.reordered},
                 {"sent_bytes", its.sent_bytes},
                 {"received_bytes", its.received_bytes}};
    if (its.hops) {
        json["hops"] = *its.hops;
    }
    if (its.delay) {
        json["delay"] = {{"least_us", microseconds(its.delay->least)},
                         {"median_us", microseconds(its.delay->median)},
                         {"p95_us", microseconds(its.delay->p95)},
                         {"most_us", microseconds(its.delay->most)}};
    }
    return json;
}

}  // namespace

Json json_of(const Comparison& its) {
    constexpr double kMillion = 1e6;
    Json json = {
        {"a", its.captures[0].file},
        {"b", its.captures[1].file},
        {"flows", {{"joined", its.joined}, {"only_a", its.only_a}, {"only_b", its.only_b}}}};
    if (its.clock) {
        json["clock"] = {{"offset_us", microseconds(its.clock->offset_ns)},
                         {"drift_ppm", std::round(its.clock->drift * kMillion * 1000) / 1000},
                         {"uncertainty_us", microseconds(its.clock->uncertainty_ns)}};
    }
    json["coverage"] = {{"a", capture(its.captures[0])}, {"b", capture(its.captures[1])}};
    json["a_to_b"] = way(its.ways[0]);
    json["b_to_a"] = way(its.ways[1]);
    std::uint64_t unjudged = 0;
    Json reasons = Json::object();
    for (const auto& [reason, count] : its.unjudged) {
        unjudged += count;
        reasons[std::string(name_of(reason))] = count;
    }
    json["unjudged"] = unjudged;
    if (unjudged != 0) {
        json["unjudged_because"] = std::move(reasons);
    }
    return {{"timestamp", eve_timestamp(its.captures[0].end)},
            {"event_type", "compare"},
            {"compare", std::move(json)}};
}

}  // namespace flowstamp::output
