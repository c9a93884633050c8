// SPDX-License-Identifier: Apache-2.0
//
// nft's own tracing of chosen packets (meta nftrace): exact where counters are not, for nft's and
// iptables-nft's rules; legacy ones do not tell.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "user/base/command.h"
#include "user/base/result.h"
#include "user/path/nft_context.h"
#include "user/path/traced_drop.h"

namespace flowstamp {

/// Which packets to trace: those for which all that is given holds.
struct TraceMatch {
    TableFamily family = TableFamily::ip;        ///< ip or ip6
    std::string source{}, destination{};         ///< addresses as text; empty: any
    std::optional<std::uint8_t> protocol{};      ///< IPPROTO_*
    std::optional<std::uint16_t> source_port{};  ///< host byte order; with TCP, UDP, SCTP, DCCP
    std::optional<std::uint16_t> destination_port{};
};

/// "ip saddr 192.0.2.1 meta l4proto 17 th dport 53". Fails for what is no address.
[[nodiscard]] Result<std::string> nft_expression(const TraceMatch& match);

/// Packets are traced as long as it lives: a table "flowstamp_trace" marks them first of all in
/// prerouting and output, 20 a second at most, and nft reports what becomes of them. The kernel
/// takes the table away with us, however we end (`flags owner`, Linux 5.12). Needs nft.
class NftTrace {
  public:
    /// In the calling thread's network namespace. Returns when packets are traced.
    static Result<NftTrace> start(const TraceMatch& match);

    /// All drops that were reported so far.
    [[nodiscard]] std::vector<TracedDrop> drops() const;

  private:
    NftTrace(Child monitor, NftContext table)
        : monitor_(std::move(monitor)), table_(std::move(table)) {}

    Child monitor_;
    NftContext table_;  ///< the table's owner
};

}  // namespace flowstamp
