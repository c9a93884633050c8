// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// What a rule requires of a packet, as far as it is understood, and whether a packet fulfils it. What
// is not understood may match: so a rule that contradicts a packet is known for sure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "user/netfilter/named_set.h"

namespace flowstamp::netfilter {

/// An address or a number, big-endian; IPv4 addresses are mapped (::ffff:a.b.c.d).
using Value = std::array<std::uint8_t, 16>;

[[nodiscard]] Value value_of(std::uint64_t number);

/// What conntrack says of a packet: the kernel's bits (IP_CT_*, include/net/netfilter/nf_conntrack.h),
/// of which a packet has one.
enum class ConntrackState : std::uint8_t {
    invalid = 1U << 0,  ///< or not looked at yet: it has no entry
    established = 1U << 1,
    related = 1U << 2,
    fresh = 1U << 3,  ///< NEW
    untracked = 1U << 6,
};

/// The headers of a packet where it was lost, and what the kernel knows of it there. Nothing: not known.
struct PacketHeaders {
    bool is_v4 = true;
    std::uint8_t protocol = 0;  ///< IPPROTO_*
    Value source{};             ///< as translated there
    Value destination{};
    std::optional<std::uint16_t> source_port{};  ///< host order; nothing: none, or unknown
    std::optional<std::uint16_t> destination_port{};
    std::optional<std::string> in_interface{};
    std::optional<std::string> out_interface{};
    std::optional<std::uint8_t> tcp_flags{};  ///< FST_TCP_*
    std::optional<std::uint8_t> icmp_type{};  ///< of ICMP or ICMPv6
    std::optional<ConntrackState> state{};
    std::optional<bool> is_reply{};       ///< in the reply direction of its conntrack entry
    std::optional<std::uint32_t> mark{};  ///< skb->mark

    friend auto operator<=>(const PacketHeaders&, const PacketHeaders&) = default;
};

/// A part of a packet that rules compare.
enum class Field : std::uint8_t {
    is_v4,  ///< 1 or 0
    protocol,
    source,
    destination,
    source_port,
    destination_port,
    either_port,
    in_interface,
    out_interface,
    tcp_flags,
    icmp_type,
    state,     ///< ConntrackState
    is_reply,  ///< 1 or 0
    mark,
};

/// One requirement: the field, under `mask` if it is a number, is one of the values (or, negated, none
/// of them).
struct Condition {
    struct Range {
        Value first{};
        Value last{};
        friend bool operator==(const Range&, const Range&) = default;
    };
    Field field = Field::protocol;
    bool negated = false;
    std::vector<Range> ranges{};
    std::vector<std::string> names{};  ///< interfaces; "eth*" is a prefix
    std::uint32_t mask = 0xffffffff;

    friend bool operator==(const Condition&, const Condition&) = default;
};

using Conditions = std::vector<Condition>;

/// The fields together are an element of a named set (or, negated, not).
struct Membership {
    NamedSet set{};
    std::vector<Field> fields{};  ///< in the order of the set's type
    bool negated = false;

    friend bool operator==(const Membership&, const Membership&) = default;
};

/// All of the conditions and memberships, and all conditions of one of the alternatives, if there are any.
/// Complete: nothing else is required, and the rule's effects apply to every packet that fulfils them.
struct RuleMatch {
    Conditions conditions{};
    std::vector<Conditions> any_of{};
    std::vector<Membership> memberships{};
    bool is_complete = false;

    friend bool operator==(const RuleMatch&, const RuleMatch&) = default;
};

/// Ascending: of several requirements the least decides, of several alternatives the greatest. What a set holds
/// that packets, time or another program may have changed since makes it likely or unlikely only.
enum class Matches : std::uint8_t { no, unlikely, maybe, likely, yes };

[[nodiscard]] Matches matches(const Conditions& conditions, const PacketHeaders& packet);

/// `answers`: what is known of named sets; of others nothing is concluded.
[[nodiscard]] Matches matches(const RuleMatch& rule, const PacketHeaders& packet,
                              const SetAnswers& answers = {});

/// What to ask the set for the packet; nothing if one of the fields is not known.
[[nodiscard]] std::optional<SetQuery> set_query(const Membership& membership,
                                                const PacketHeaders& packet);

}  // namespace flowstamp::netfilter
