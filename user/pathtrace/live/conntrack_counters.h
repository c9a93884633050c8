// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Connection tracking's counters and table, of the calling thread's network namespace.
#pragma once

#include <chrono>
#include <optional>

#include "user/pathtrace/conntrack_drop.h"

namespace flowstamp::pathtrace {

/// Nothing if the kernel has no connection tracking. Read from /proc/net/stat, which needs no module
/// loaded, else by ctnetlink, like `conntrack -S`.
[[nodiscard]] std::optional<ConntrackCounters> read_conntrack_counters();

/// By ctnetlink alone; some kernels are built without /proc/net/stat/nf_conntrack. Without SYNPROXY's.
[[nodiscard]] std::optional<ConntrackCounters> read_ctnetlink_counters();

[[nodiscard]] std::optional<ConntrackTable> read_conntrack_table();

/// Whether TCP connections are not picked up in their middle: net.netfilter.nf_conntrack_tcp_loose=0.
[[nodiscard]] bool is_conntrack_strict();

/// How long an established TCP connection may be idle before its entry is forgotten
/// (net.netfilter.nf_conntrack_tcp_timeout_established), in the calling thread's network namespace;
/// nothing if it cannot be read.
[[nodiscard]] std::optional<std::chrono::seconds> conntrack_forgets_after();

}  // namespace flowstamp::pathtrace
