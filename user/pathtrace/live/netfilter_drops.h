// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <optional>

#include "user/pathtrace/conntrack_drop.h"
#include "user/pathtrace/path_flow.h"
#include "user/pathtrace/station_plan.h"

namespace flowstamp::pathtrace {

/// Tells packets that connection tracking or NAT dropped from those that a rule did, in the calling
/// thread's network namespace. Its counters are read when this is made, and by read().
class NetfilterDrops {
  public:
    explicit NetfilterDrops(const StationMap& map);

    /// To be called when the ruleset has been read.
    void read();
    /// Completes what is said of packets with this end, if netfilter dropped them. May look up an
    /// entry of connection tracking.
    void explain(PathReport::Drop& drop, const PathEnd& end, const fst_path_event& event) const;

  private:
    const StationMap& map_;
    std::optional<ConntrackCounters> before_;
    std::optional<ConntrackCounters> now_;
    std::optional<ConntrackTable> table_;
    bool nft_frees_itself_;
};

}  // namespace flowstamp::pathtrace
