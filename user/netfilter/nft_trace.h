// SPDX-License-Identifier: Apache-2.0
//
// nft's own tracing of chosen packets (meta nftrace): exact where counters are not, for nft's and
// iptables-nft's rules; legacy ones do not tell.
#pragma once

#include <string>
#include <vector>

#include "user/base/process.h"
#include "user/base/result.h"
#include "user/net/packet_match.h"
#include "user/netfilter/nft_context.h"
#include "user/netfilter/nft_trace_drop.h"

namespace flowstamp::netfilter {

/// "meta nfproto ipv4 ip saddr 192.0.2.1 meta l4proto 17 th dport 53 ".
[[nodiscard]] std::string nft_expression(const net::PacketMatch& match);

/// Packets are traced as long as it lives: a table "flowstamp_trace_PID" marks them first of all
/// in prerouting and output, 20 a second at most, and nft reports what becomes of them. The kernel
/// takes the table away with us, however we end (`flags owner`, Linux 5.12). Needs nft and setpriv.
class NftTrace {
  public:
    /// In the calling thread's network namespace; that thread outlives it. Traces what fits one of
    /// `any_of`, or everything if that is empty. Returns when packets are traced.
    static Result<NftTrace> start(const std::vector<net::PacketMatch>& any_of);

    /// The drops that were reported since the last call.
    [[nodiscard]] std::vector<NftTraceDrop> take_drops();

  private:
    NftTrace(Child monitor, NftContext table)
        : monitor_(std::move(monitor)), table_(std::move(table)) {}

    Child monitor_;
    NftContext table_;          ///< the table's owner
    std::string unfinished_{};  ///< the begin of a line that nft was writing
};

}  // namespace flowstamp::netfilter
