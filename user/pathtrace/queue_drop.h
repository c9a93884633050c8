// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Which of an interface's queueing disciplines dropped a packet.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "user/pathtrace/path_report.h"

namespace flowstamp::pathtrace {

/// A queueing discipline, as `tc -s qdisc` lists it.
struct Queue {
    std::uint32_t ifindex = 0;
    std::string kind{};        ///< "tbf"
    std::uint32_t handle = 0;  ///< major number in the upper 16 bits; 0: the kernel's default
    std::uint32_t parent = 0;  ///< the class that it belongs to, or TC_H_ROOT
    std::uint64_t drops = 0;

    friend bool operator==(const Queue&, const Queue&) = default;
};

/// Whether the kernel's reason is that a queueing discipline dropped it.
[[nodiscard]] bool is_queue_drop(std::string_view reason);

/// Names the queue, if only one of the interface's dropped packets between both readings; queues
/// within it that only pass its drops on are no others.
void explain_queue_drop(PathReport::Drop& drop, const std::string& interface, std::uint32_t ifindex,
                        const std::vector<Queue>& before, const std::vector<Queue>& now);

}  // namespace flowstamp::pathtrace
