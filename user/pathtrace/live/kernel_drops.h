// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>
#include <vector>

#include "flowstamp/path.h"
#include "user/pathtrace/path_report.h"
#include "user/pathtrace/queue_drop.h"

namespace flowstamp::pathtrace {

/// Completes the kernel's reasons by what this host says when asked: which queue, which program, whose
/// MTU. In the calling thread's network namespace; the queues' counters are read when this is made.
class KernelDrops {
  public:
    KernelDrops();

    /// Reads what the reason asks for, once for each call. `interface`: of the packet's buffer.
    void explain(PathReport::Drop& drop, const fst_path_event& event,
                 const std::string& interface) const;

  private:
    std::vector<Queue> queues_before_;
};

/// Whether a dropped packet was freed in a socket's queue, when the socket was closed: no loss.
[[nodiscard]] bool was_freed_with_socket(const fst_path_event& drop);

/// Whether the packet tells its receiver that another was too big: ICMP's "fragmentation needed",
/// ICMPv6's "packet too big".
[[nodiscard]] bool says_too_big(const fst_path_event& event);

}  // namespace flowstamp::pathtrace
