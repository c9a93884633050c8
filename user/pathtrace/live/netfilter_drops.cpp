// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/netfilter_drops.h"

#include <sys/utsname.h>

#include <cstdio>
#include <utility>

#include "user/pathtrace/live/conntrack_counters.h"
#include "user/pathtrace/live/conntrack_entry.h"

namespace flowstamp::pathtrace {

namespace {

constexpr std::pair kNftFreesItself{6, 7};

bool is_at_least(std::pair<int, int> wanted) {
    utsname kernel{};
    std::pair version{0, 0};
    return ::uname(&kernel) == 0 &&
           std::sscanf(kernel.release, "%d.%d", &version.first, &version.second) == 2 &&
           version >= wanted;
}

}  // namespace

NetfilterDrops::NetfilterDrops(const StationMap& map)
    : map_(map),
      before_(read_conntrack_counters()),
      now_(before_),
      nft_frees_itself_(is_at_least(kNftFreesItself)) {}

void NetfilterDrops::read() {
    now_ = read_conntrack_counters();
    table_ = read_conntrack_table();
}

void NetfilterDrops::explain(PathReport::Drop& drop, const PathEnd& end,
                             const fst_path_event& event) const {
    if (drop.reason != "NETFILTER_DROP" || !map_.knows(end.station)) {
        return;
    }
    NetfilterDropFacts facts{.place = map_.loss_behind(end.station),
                             .drop = event,
                             .function = drop.location.substr(0, drop.location.find('+')),
                             .nft_frees_itself = nft_frees_itself_,
                             .moved = before_ && now_ ? *now_ - *before_ : ConntrackCounters{},
                             .table = table_};
    if (is_lost_in_nat(facts)) {
        facts.holder = find_conntrack_entry(event.reply).value_or(std::nullopt);
    }
    if (is_dropped_as_invalid(drop, facts)) {
        if (const auto entry = find_conntrack_entry(event.tuple)) {
            facts.is_known = entry->has_value();
        }
        facts.is_strict = is_conntrack_strict();
        facts.forgets_after = conntrack_forgets_after();
    }
    explain_netfilter_drop(drop, facts);
}

}  // namespace flowstamp::pathtrace
