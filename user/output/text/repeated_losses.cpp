// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/repeated_losses.h"

#include <fmt/format.h>

#include "user/netfilter/drop_attribution.h"

namespace flowstamp::output {

RepeatedLosses::Show RepeatedLosses::show(const pathtrace::PathReport& report) {
    if (!report.drop) {
        return Show::whole;
    }
    const pathtrace::PathReport::Drop& drop = *report.drop;
    if (shown_.size() >= kCauses) {
        shown_.clear();
    }
    std::set<std::uint64_t>& flows =
        shown_[fmt::format("{}|{}|{}|{}", report.is_reply, drop.at, drop.reason,
                           drop.attribution ? netfilter::words_of(*drop.attribution) : "")];
    if (flows.contains(report.flow)) {
        return Show::whole;
    }
    if (flows.size() >= kShown) {
        return Show::no;
    }
    flows.insert(report.flow);
    return flows.size() == kShown ? Show::last_of_its_cause : Show::whole;
}

}  // namespace flowstamp::output
