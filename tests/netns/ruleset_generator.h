// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Random rulesets for a router, of nft and of both iptables, in which some rules drop one flow each: all
// others contradict the flows in one condition at least, however near they come.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace flowstamp::lab {

enum class RulesetKind : std::uint8_t { nft, nft_without_counters, iptables_nft, iptables_legacy };
[[nodiscard]] std::string_view name_of(RulesetKind kind);

/// TCP SYNs from the client to one port of the server.
struct DroppedFlow {
    std::uint16_t port = 0;
    std::string chain{};  ///< of the rule that drops it
    std::string text{};   ///< a part of the rule's text that no other rule has
};

struct GeneratedRuleset {
    std::string sets{};  ///< for `ipset restore`
    std::string text{};  ///< for `nft -f -`, or `iptables-restore`
    unsigned rules = 0;
    std::vector<DroppedFlow> flows{};
};

struct GeneratorOptions {
    RulesetKind kind = RulesetKind::nft;
    std::uint64_t seed = 0;
    std::string client{};  ///< IPv4 addresses
    std::string server{};
    std::string from_client{};  ///< interfaces of the router
    std::string to_server{};
};

inline constexpr std::uint16_t kFirstGeneratedPort = 10174;
inline constexpr unsigned kGeneratedFlows = 3;

[[nodiscard]] GeneratedRuleset generate_ruleset(const GeneratorOptions& options);

}  // namespace flowstamp::lab
