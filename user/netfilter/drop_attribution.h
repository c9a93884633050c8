// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Which rule dropped packets: by the change of the rules' counters while they were lost, or by
// nft's trace.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "user/netfilter/loss.h"
#include "user/netfilter/nft_trace_drop.h"
#include "user/netfilter/ruleset.h"

namespace flowstamp::netfilter {

enum class Certainty { probable, certain };

/// The rule, or chain policy, that dropped packets.
struct DropAttribution {
    TableFamily family = TableFamily::ip;
    std::string table{};
    std::string chain{};
    RulesetTool tool = RulesetTool::nft;
    bool rejects = false;      ///< REJECT: the sender gets an answer
    bool is_policy = false;    ///< of the base chain `chain`; no handle, no number
    std::uint64_t handle = 0;  ///< nft's; 0 for legacy rules
    std::size_t number = 0;    ///< of the rule in its chain, from 1
    std::string text{};        ///< as printed by its own tool; "policy drop"
    Certainty certainty = Certainty::probable;
    std::string why{};                    ///< why it is certain, or why not: a clause
    std::vector<std::string> others{};    ///< what else may have dropped them, the likeliest first
    std::optional<NetfilterHook> hook{};  ///< where the kernel called the chain that led to it
};

/// Packets that were lost at one place and are alike to every rule.
struct LostPackets {
    std::optional<PacketHeaders> headers{};  ///< nothing: unknown
    std::uint64_t packets = 0;               ///< as the kernel handles them
};

/// Finds the rules that dropped `lost`: all that was lost at the place of `loss` (whose own number of
/// packets does not matter) between two snapshots. An answer for each.
///
/// A rule that the packets contradict is never named. Certain: every other rule that can have dropped
/// them has a counter that did not increase; and its own counter explains all that only it can have
/// dropped (exactly, if the kernel itself may drop some there: connection tracking and the like), or it
/// has no counter and no such part of the kernel is active there. All rules that can drop there must have
/// been read, and have existed the whole time. Otherwise the likeliest rule is given as probable.
/// Nothing: no rule can have dropped them.
[[nodiscard]] std::vector<std::optional<DropAttribution>> attribute_drops(
    const Ruleset& before, const Ruleset& after, const Loss& loss,
    const std::vector<LostPackets>& lost);

/// The same for one kind of packets.
[[nodiscard]] std::optional<DropAttribution> attribute_drop(const Ruleset& before,
                                                            const Ruleset& after, const Loss& loss,
                                                            const LostPackets& lost);

/// The rule or policy that nft's trace saw dropping packets of `lost` (those with its addresses and ports,
/// where the trace shows them): certain if it saw no other one. Nothing if it saw none, or the rule is no
/// longer in the ruleset.
[[nodiscard]] std::optional<DropAttribution> traced_attribution(const Ruleset& ruleset,
                                                                const Loss& loss,
                                                                const LostPackets& lost,
                                                                const NftTraceDrops& traced);

/// "table inet filter, chain input, handle 12: tcp dport 10174 counter drop";
/// "iptables-legacy, table filter, chain INPUT, rule 3: -A INPUT -p tcp -j DROP";
/// "table inet filter, chain input: policy drop"; "BPF program guard (id 12)".
[[nodiscard]] std::string words_of(const DropAttribution& attribution);

}  // namespace flowstamp::netfilter
