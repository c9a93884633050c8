// SPDX-License-Identifier: Apache-2.0
//
// Which rule ate the packets: told from how the rules' counters moved while they were lost.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "user/netfilter/loss.h"
#include "user/netfilter/ruleset.h"
#include "user/netfilter/nft_trace_drop.h"

namespace flowstamp::netfilter {

enum class Certainty { probable, certain };

/// The rule, or the policy, that dropped packets.
struct DropAttribution {
    TableFamily family = TableFamily::ip;
    std::string table{};
    std::string chain{};
    RulesetTool tool = RulesetTool::nft;
    bool rejects = false;      ///< it answers what it drops
    bool is_policy = false;    ///< of the base chain `chain`; it has no handle and no number
    std::uint64_t handle = 0;  ///< nft's; 0 for legacy rules
    std::size_t number = 0;    ///< of the rule in its chain, from 1
    std::string text{};        ///< as its own tool prints it; "policy drop"
    Certainty certainty = Certainty::probable;
    std::string why{};  ///< what makes it certain, or what stands against it: a clause
};

/// Finds the rule that took the packets of `loss`, from a snapshot taken before the first of them
/// and one taken after the last.
///
/// Certain: of all that can drop a packet there, every other rule has a counter that did not move;
/// and its own counter explains the whole loss (to the packet, where the kernel itself may drop
/// some there: connection tracking and the like), or it has none and no such part works there.
/// Everything that can drop there must have been read, and have been there the whole time.
/// Otherwise the likeliest is named as probable. Nothing: no rule can have dropped them.
[[nodiscard]] std::optional<DropAttribution> attribute_drop(const Ruleset& before, const Ruleset& after,
                                                  const Loss& loss);

/// The rule or policy that a trace of our packets saw dropping some at the place of `loss`: certain,
/// if it saw no other one there. Nothing if it saw none, or the ruleset does not have it any more.
[[nodiscard]] std::optional<DropAttribution> traced_attribution(const Ruleset& ruleset, const Loss& loss,
                                                    const NftTraceDrops& traced);

/// "table inet filter, chain input, handle 12: tcp dport 10174 counter drop";
/// "iptables-legacy, table filter, chain INPUT, rule 3: -A INPUT -p tcp -j DROP";
/// "table inet filter, chain input: policy drop".
[[nodiscard]] std::string words_of(const DropAttribution& attribution);

}  // namespace flowstamp::netfilter
