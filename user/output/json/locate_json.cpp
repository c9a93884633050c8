// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/json/locate_json.h"

#include <chrono>
#include <string_view>
#include <utility>

#include "user/base/time_text.h"
#include "user/net/endpoint.h"
#include "user/net/identity.h"
#include "user/net/names.h"

namespace flowstamp::output {

namespace {

using Json = nlohmann::ordered_json;

Json event_of(std::string_view type, Json its, const fst_flow_key& key, unsigned own,
              Nanoseconds wall) {
    const net::Endpoint here = net::end_of(key, own);
    const net::Endpoint peer = net::end_of(key, own ^ 1U);
    return {{"timestamp", eve_timestamp(wall)},
            {"event_type", type},
            {"src_ip", here.ip_text()},
            {"src_port", here.port},
            {"dest_ip", peer.ip_text()},
            {"dest_port", peer.port},
            {"proto", net::protocol_name(key.protocol)},
            {"community_id", net::community_id(key)},
            {type, std::move(its)}};
}

std::string_view name_of(locate::Doubt doubt) {
    switch (doubt) {
        case locate::Doubt::none:
            break;
        case locate::Doubt::initial_ttl:
            return "initial-ttl";
        case locate::Doubt::initial_of_32:
            return "initial-of-32";
        case locate::Doubt::as_far_as_peer:
            return "as-far-as-peer";
        case locate::Doubt::ways_differ:
            return "ways-differ";
        case locate::Doubt::load_balanced:
            return "load-balanced";
    }
    return "";
}

}  // namespace

Json json_of(const locate::Hop& hop, const fst_flow_key& key, unsigned own, Nanoseconds wall) {
    Json json = {{"ttl", hop.ttl}};
    if (hop.address) {
        json["address"] = hop.address->ip_text();
        json["rtt_us"] = std::chrono::duration_cast<std::chrono::microseconds>(hop.rtt).count();
    }
    json["replies"] = hop.replies;
    if (hop.hops_back) {
        json["hops_back"] = *hop.hops_back;
    }
    if (hop.varies) {
        json["varies"] = true;
    }
    return event_of("hop", std::move(json), key, own, wall);
}

Json json_of(const locate::BoxPlace& place, std::optional<unsigned> peer, const fst_flow_key& key,
             unsigned own, Nanoseconds wall) {
    Json json = Json::object();
    if (place.hops) {
        json["box_hops"] = *place.hops;
    }
    if (place.after) {
        json["after"] = place.after->ip_text();
    }
    if (place.before) {
        json["before"] = place.before->ip_text();
    }
    if (peer) {
        json["peer_hops"] = *peer;
    }
    json["certainty"] = !place.hops                          ? "unknown"
                        : place.doubt == locate::Doubt::none ? "likely"
                                                             : "doubtful";
    if (place.doubt != locate::Doubt::none) {
        json["doubt"] = name_of(place.doubt);
    }
    return event_of("locate", std::move(json), key, own, wall);
}

}  // namespace flowstamp::output
