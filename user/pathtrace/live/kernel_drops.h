// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <climits>
#include <string>
#include <vector>

#include "flowstamp/path.h"
#include "user/base/clock.h"
#include "user/pathtrace/live/budget.h"
#include "user/pathtrace/path_report.h"
#include "user/pathtrace/protocol_counters.h"
#include "user/pathtrace/queue_drop.h"

namespace flowstamp::pathtrace {

/// Completes the kernel's reasons by what this host says when asked: which queue, which program, whose
/// MTU, and which counter moved. In the calling thread's network namespace; counters are read when this is
/// made, and at each report that asks for them, unless they have been since the packet was dropped.
class KernelDrops {
  public:
    explicit KernelDrops(const Clock& clock);

    /// Reads what the reason asks for, at most a hundred times in a second: what is beyond keeps the
    /// kernel's reason alone. `interface`: of the packet's buffer.
    void explain(PathReport::Drop& drop, const fst_path_event& event, const std::string& interface);

    /// From now on without that limit: the run ends, and no records are kept waiting.
    void lift_limit() { budget_ = Budget(UINT_MAX); }

  private:
    /// Counters, and when their latest reading began.
    template <class Counters>
    struct Readings {
        Counters before;
        Counters now{};
        Nanoseconds at{0};
    };
    /// Makes sure that the counters were read after the packet was dropped. False: no more readings are
    /// allowed in this second. One reading serves all packets that were dropped before it: thousands
    /// may be reported at once.
    template <class Counters>
    [[nodiscard]] bool are_read_since(const fst_path_event& drop, Readings<Counters>& readings,
                                      Counters (*read)());
    void explain_counter(PathReport::Drop& drop, const fst_path_event& event);
    void explain_queue(PathReport::Drop& drop, const fst_path_event& event,
                       const std::string& interface);

    const Clock& clock_;
    Budget budget_{100};
    Readings<std::vector<Queue>> queues_;
    Readings<ProtocolCounters> counters_;
};

/// Whether the receiving stack freed the packet as it needs no more of it: no loss. It waited in a socket's queue
/// when that was closed; it brought nothing that the socket does not have (a keepalive, a window probe, a segment
/// sent again); it was an ACK of the last that a closing socket waits for; or a reset of a connection that is
/// closed already.
[[nodiscard]] bool was_done_with(const fst_path_event& drop);

/// Whether the packet tells its receiver that another was too big: ICMP's "fragmentation needed",
/// ICMPv6's "packet too big".
[[nodiscard]] bool says_too_big(const fst_path_event& event);

}  // namespace flowstamp::pathtrace
