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

namespace flowstamp::netfilter {

/// An address or a number, big-endian; IPv4 addresses are mapped (::ffff:a.b.c.d).
using Value = std::array<std::uint8_t, 16>;

[[nodiscard]] Value value_of(std::uint64_t number);

/// The headers of a packet where it was lost.
struct PacketHeaders {
    bool is_v4 = true;
    std::uint8_t protocol = 0;  ///< IPPROTO_*
    Value source{};             ///< as translated there
    Value destination{};
    std::optional<std::uint16_t> source_port{};  ///< host order; nothing: none, or unknown
    std::optional<std::uint16_t> destination_port{};
    std::optional<std::string> in_interface{};  ///< nothing: unknown
    std::optional<std::string> out_interface{};
    std::optional<std::uint8_t> tcp_flags{};  ///< FST_TCP_*

    friend auto operator<=>(const PacketHeaders&, const PacketHeaders&) = default;
};

/// One requirement: the field is one of the values (or, negated, none of them).
struct Condition {
    enum class Field {
        is_v4,  ///< 1 or 0
        protocol,
        source,
        destination,
        source_port,
        destination_port,
        either_port,
        in_interface,
        out_interface,
        tcp_flags,  ///< under `mask`
    };
    struct Range {
        Value first{};
        Value last{};
        friend bool operator==(const Range&, const Range&) = default;
    };
    Field field = Field::protocol;
    bool negated = false;
    std::vector<Range> ranges{};
    std::vector<std::string> names{};  ///< interfaces; "eth*" is a prefix
    std::uint8_t mask = 0xff;

    friend bool operator==(const Condition&, const Condition&) = default;
};

/// All of the conditions. Complete: nothing else is required, and the rule's effects apply to every
/// packet that fulfils them.
struct RuleMatch {
    std::vector<Condition> conditions{};
    bool is_complete = false;

    friend bool operator==(const RuleMatch&, const RuleMatch&) = default;
};

enum class Matches { no, maybe, yes };

[[nodiscard]] Matches matches(const RuleMatch& rule, const PacketHeaders& packet);

}  // namespace flowstamp::netfilter
