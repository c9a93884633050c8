// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// nft's own tracing of selected packets (meta nftrace): exact where counters are not, for rules of
// nft and iptables-nft. Legacy rules do not support it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "user/base/process.h"
#include "user/base/result.h"
#include "user/net/packet_match.h"
#include "user/netfilter/nft_context.h"
#include "user/netfilter/nft_trace_drop.h"

namespace flowstamp::netfilter {

/// What names of our own tables begin with: they drop nothing.
inline constexpr std::string_view kTraceTable = "flowstamp_trace_";

/// "meta nfproto ipv4 ip saddr 192.0.2.1 meta l4proto 17 th dport 53 ".
[[nodiscard]] std::string nft_expression(const net::PacketMatch& match);

/// Traces packets during its lifetime: a table "flowstamp_trace_PID" marks them at the very start
/// of prerouting and output, at most 20 a second, and nft reports what happens to them. The kernel
/// removes the table with this process, however it ends (`flags owner`, Linux 5.12). Needs nft and
/// setpriv.
class NftTrace {
  public:
    /// In the calling thread's network namespace; that thread must outlive it. Traces what matches
    /// one of `any_of`, or everything if that is empty. Returns once packets are traced.
    static Result<NftTrace> start(const std::vector<net::PacketMatch>& any_of);

    /// The drops reported since the last call.
    [[nodiscard]] std::vector<NftTraceDrop> take_drops();

  private:
    NftTrace(Child monitor, NftContext table)
        : monitor_(std::move(monitor)), table_(std::move(table)) {}

    Child monitor_;
    NftContext table_;          ///< the table's owner
    std::string unfinished_{};  ///< the start of a line that nft was still writing
    NftTraceReader reader_{};
};

}  // namespace flowstamp::netfilter
