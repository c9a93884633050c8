// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/time_text.h"
#include "user/output/json/json_events.h"
#include "user/output/text/interface_text.h"

namespace flowstamp::output {

Json json_of(const net::InterfaceChange& change) {
    Json json = {{"change", net::name_of(change.kind)},
                 {"summary", interface_text(change)},
                 {"index", change.index},
                 {"watched", change.is_watched}};
    if (!change.name_was.empty()) {
        json["name_was"] = change.name_was;
    }
    if (change.mtu != 0) {
        json["mtu"] = change.mtu;
        json["mtu_was"] = change.mtu_was;
    }
    for (const auto& [name, text] : {std::pair{"ingress", &change.ingress},
                                     {"egress", &change.egress},
                                     {"reason", &change.reason}}) {
        if (!text->empty()) {
            json[name] = *text;
        }
    }
    return {{"timestamp", eve_timestamp(change.wall)},
            {"in_iface", change.name},
            {"event_type", "interface"},
            {"interface", std::move(json)}};
}

}  // namespace flowstamp::output
