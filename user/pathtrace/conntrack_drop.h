// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Packets that netfilter drops without a rule: connection tracking and NAT do, where a table or a
// range of ports is full.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "flowstamp/path.h"
#include "user/netfilter/loss.h"
#include "user/pathtrace/path_report.h"

namespace flowstamp::pathtrace {

/// Of one network namespace, summed over its CPUs.
struct ConntrackCounters {
    std::uint64_t drop = 0;
    std::uint64_t early_drop = 0;
    std::uint64_t insert_failed = 0;
    std::uint64_t invalid = 0;
    std::uint64_t chain_too_long = 0;
    std::uint64_t cookie_invalid = 0;  ///< SYNPROXY's

    friend bool operator==(const ConntrackCounters&, const ConntrackCounters&) = default;
    /// Their increase. The kernel's are of 32 bits: one that ran over counts as not moved.
    friend ConntrackCounters operator-(const ConntrackCounters& now,
                                       const ConntrackCounters& before);
};

/// How full connection tracking's table is.
struct ConntrackTable {
    std::uint64_t entries = 0;
    std::uint64_t most = 0;      ///< net.netfilter.nf_conntrack_max
    bool can_be_raised = false;  ///< here: only the initial network namespace may
};

/// What decides whether a rule dropped a packet, and which part of the kernel did if none.
struct NetfilterDropFacts {
    netfilter::Loss place{};
    fst_path_event drop{};
    std::string function{};  ///< of the kernel, that freed the packet; empty: unknown
    /// nf_tables frees by itself what its rules drop (since Linux 6.7): then another function says
    /// that it was none of them.
    bool nft_frees_itself = false;
    ConntrackCounters moved{};  ///< since the run began; all packets of the namespace
    std::optional<ConntrackTable> table{};
    /// The original direction of the entry that has the addresses and ports which NAT chose for this
    /// packet; nothing: none has, or it was not looked for.
    std::optional<fst_path_tuple> holder{};
    /// Whether an entry has the packet's own addresses and ports; nothing: it was not looked for.
    std::optional<bool> is_known{};
    bool is_strict = false;  ///< net.netfilter.nf_conntrack_tcp_loose is 0
    /// net.netfilter.nf_conntrack_tcp_timeout_established; nothing: it was not read.
    std::optional<std::chrono::seconds> forgets_after{};
};

/// Whether the entry that NAT's choice collided with is worth looking for.
[[nodiscard]] bool is_lost_in_nat(const NetfilterDropFacts& facts);

/// Whether the connection of a packet without an entry is worth looking for: the rule asks for that.
[[nodiscard]] bool is_dropped_as_invalid(const PathReport::Drop& drop,
                                         const NetfilterDropFacts& facts);

/// Corrects what is said of a drop by netfilter: names connection tracking or NAT, where only they
/// can have dropped it; and takes back a rule that cannot have, or certainty that is none.
void explain_netfilter_drop(PathReport::Drop& drop, const NetfilterDropFacts& facts);

}  // namespace flowstamp::pathtrace
