// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// This host's packet filters: tables, chains and rules with their packet counters, of nft and of
// both iptables variants alike. A Ruleset is a snapshot: pure data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "user/netfilter/rule_match.h"

namespace flowstamp::netfilter {

/// Families by nft's names. Legacy tables are `ip` or `ip6`.
enum class TableFamily { ip, ip6, inet, bridge, arp, netdev };

/// Where the kernel calls a base chain. Ingress and egress belong to a device.
enum class NetfilterHook { prerouting, input, forward, output, postrouting, ingress, egress };

/// The program that created a rule, and with which an operator would look for it.
enum class RulesetTool {
    nft,
    iptables_nft,     ///< iptables syntax, stored in nf_tables
    iptables_legacy,  ///< ip_tables, ip6_tables
    bpf,              ///< no rule: a BPF program, or what else has a priority of its own
};

/// An action that a rule may take on a packet that it matches.
struct RuleEffect {
    enum class Kind {
        drops,
        rejects,   ///< drops it, and notifies the sender
        accepts,   ///< at this chain's hook and priority: later ones may still drop it
        returns,   ///< to the chain that jumped here
        jumps,     ///< into `chain`, and back
        goes,      ///< into `chain`, without returning
        queues,    ///< to a program (NFQUEUE), which decides
        may_drop,  ///< drops in rare cases (NAT without a free port, SYNPROXY), or unknown
        other,     ///< the packet continues to the next rule: marks, logs
    };
    Kind kind = Kind::other;
    std::string chain{};  ///< of jumps and goes

    friend bool operator==(const RuleEffect&, const RuleEffect&) = default;
};

/// What a verdict map does with a packet whose key is one of its elements.
struct VerdictChoice {
    /// Of the key; nothing: not understood, so it may be this one.
    std::optional<Conditions> key{};
    bool is_default = false;  ///< for the keys that no other choice has ("*")
    RuleEffect effect{};
};

struct RuleCounter {
    std::uint64_t packets = 0;
    /// It counts exactly the packets that get the rule's effect. Otherwise (a match follows the
    /// counter, or several rules share it) it is an upper limit.
    bool exact = true;

    friend bool operator==(const RuleCounter&, const RuleCounter&) = default;
};

struct Rule {
    std::uint64_t handle = 0;  ///< nft's handle; for legacy rules the number in the chain, from 1
    std::string text{};        ///< as printed by its own tool, without counter values
    std::optional<RuleCounter> counter{};
    std::vector<RuleEffect> effects{};     ///< several if a verdict map decides
    std::vector<VerdictChoice> choices{};  ///< of the verdict map, if one decides
    bool unconditional = false;  ///< the effects apply to every packet that reaches the rule
    bool sets_mark = false;      ///< may change the packet's mark, ...
    bool sets_tracking = false;  ///< ... or whether conntrack looks at it
    RuleMatch match{};
};

/// A chain that the kernel calls.
struct BaseChain {
    NetfilterHook hook = NetfilterHook::input;
    int priority = 0;
    bool policy_drops = false;
    std::optional<std::uint64_t> policy_packets{};  ///< packets that reached it; native nft: none
    std::vector<std::string> devices{};  ///< ingress, egress; "eth*" is a prefix. Empty: unknown
};

struct Chain {
    std::string name{};
    std::optional<BaseChain> base{};
    std::vector<Rule> rules{};
};

struct Table {
    TableFamily family = TableFamily::ip;
    std::string name{};
    RulesetTool tool = RulesetTool::nft;
    bool dormant = false;  ///< exists, but none of its chains is called
    std::vector<Chain> chains{};
};

struct Ruleset {
    std::vector<Table> tables{};
    SetAnswers sets{};                  ///< what the named sets have of what was asked
    std::vector<std::string> unread{};  ///< what exists but could not be read, as text
};

[[nodiscard]] std::string_view name_of(TableFamily family);
[[nodiscard]] std::string_view name_of(NetfilterHook hook);
/// "nft", "iptables-nft", "iptables-legacy"; "ip6tables-..." for the family ip6.
[[nodiscard]] std::string_view name_of(RulesetTool tool, TableFamily family);

[[nodiscard]] std::optional<TableFamily> family_named(std::string_view name);
[[nodiscard]] std::optional<NetfilterHook> hook_named(std::string_view name);

/// The chain of that name; nullptr if the table has none.
[[nodiscard]] const Chain* find_chain(const Table& table, std::string_view name);
[[nodiscard]] Chain* find_chain(Table& table, std::string_view name);

}  // namespace flowstamp::netfilter
