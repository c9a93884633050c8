// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/locate_report.h"

#include "user/output/json/locate_json.h"
#include "user/output/text/locate_text.h"

namespace flowstamp::output {

void LocateReport::hop(const locate::Hop& hop, Nanoseconds wall) {
    output_.write(json_ ? json_of(hop, key_, own_, wall).dump() + "\n" : hop_text(hop, style_));
}

void LocateReport::place(const locate::BoxPlace& place, std::optional<unsigned> peer,
                         Nanoseconds wall) {
    output_.write(json_ ? json_of(place, peer, key_, own_, wall).dump() + "\n"
                        : place_text(place, peer, net::end_of(key_, own_ ^ 1U), style_));
}

}  // namespace flowstamp::output
