// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/time_text.h"
#include "user/output/json/json_events.h"

namespace flowstamp::output {

Json json_of(const analysis::Incident& its) {
    Json json = {{"kind", analysis::name_of(its.kind)},
                 {"state", its.has_ended ? "ended" : "open"},
                 {"finding", its.finding},
                 {"count", its.count},
                 {"clients", its.clients}};
    if (its.middlebox) {
        json["middlebox"] = *its.middlebox;
    }
    if (its.router) {
        json["router"] = its.router->ip_text();
    }
    if (!its.place.empty()) {
        json["place"] = its.place;
    }
    if (!its.rule.empty()) {
        json["rule"] = its.rule;
    }
    json["first_seen"] = eve_timestamp(its.first);
    json["last_seen"] = eve_timestamp(its.last);
    Json event = {{"timestamp", eve_timestamp(its.wall)},
                  {"in_iface", its.interface},
                  {"event_type", "incident"}};
    if (its.server) {
        event["dest_ip"] = its.server->ip_text();
        event["dest_port"] = its.server->port;
    }
    event["incident_id"] = its.id;
    event["incident"] = std::move(json);
    return event;
}

}  // namespace flowstamp::output
