// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/condition_values.h"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <charconv>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include "user/net/endpoint.h"

namespace flowstamp::netfilter {
namespace {

constexpr std::size_t kMappedBits = 96;

bool is_v4(std::string_view address) {
    return address.find(':') == std::string_view::npos;
}

/// The first and last address that share the first `bits` of 128 with `address`.
Condition::Range range_of(const Value& address, std::size_t bits) {
    Condition::Range range{address, address};
    for (std::size_t i = 0; i < address.size(); i++) {
        const std::size_t kept = std::clamp<std::size_t>(bits, 8 * i, 8 * i + 8) - 8 * i;
        const auto free = static_cast<std::uint8_t>(0xffU >> kept);
        range.first[i] &= static_cast<std::uint8_t>(~free);
        range.last[i] |= free;
    }
    return range;
}

/// The bits of a mask written as an address; nothing if it has gaps.
std::optional<std::uint64_t> bits_of_mask(std::string_view mask) {
    const auto value = address_value(mask);
    if (!value) {
        return std::nullopt;
    }
    std::size_t bits = 0;
    bool has_ended = false;
    for (std::size_t i = is_v4(mask) ? kMappedBits / 8 : 0; i < value->size(); i++) {
        const auto ones = static_cast<std::size_t>(std::countl_one((*value)[i]));
        const bool has_gap = static_cast<std::uint8_t>((*value)[i] << ones) != 0 && ones < 8;
        if (has_gap || (has_ended && ones != 0)) {
            return std::nullopt;
        }
        bits += ones;
        has_ended = has_ended || ones < 8;
    }
    return bits;
}

}  // namespace

std::optional<Value> address_value(std::string_view text) {
    const std::string address(text);
    Value value{};
    if (!is_v4(text)) {
        return ::inet_pton(AF_INET6, address.c_str(), value.data()) == 1 ? std::optional(value)
                                                                         : std::nullopt;
    }
    value[10] = value[11] = 0xff;
    return ::inet_pton(AF_INET, address.c_str(), value.data() + 12) == 1 ? std::optional(value)
                                                                         : std::nullopt;
}

std::string address_text(const Value& address) {
    return net::Endpoint{.address = address}.ip_text();
}

std::optional<Condition::Range> prefix_range(std::string_view address, std::uint64_t bits) {
    const auto value = address_value(address);
    const std::size_t before = is_v4(address) ? kMappedBits : 0;
    if (!value || bits > 8 * value->size() - before) {
        return std::nullopt;
    }
    return range_of(*value, before + bits);
}

std::optional<Condition::Range> address_range(std::string_view text) {
    const std::size_t slash = text.find('/');
    const std::string_view address = text.substr(0, slash);
    if (slash == std::string_view::npos) {
        const auto value = address_value(address);
        return value ? std::optional(Condition::Range{*value, *value}) : std::nullopt;
    }
    const std::string_view mask = text.substr(slash + 1);
    const auto bits = number_in(mask);
    const auto of_mask = bits ? bits : bits_of_mask(mask);
    return of_mask ? prefix_range(address, *of_mask) : std::nullopt;
}

std::optional<std::uint64_t> number_in(std::string_view text) {
    const bool is_hex = text.starts_with("0x");
    if (is_hex) {
        text.remove_prefix(2);
    }
    std::uint64_t number = 0;
    const char* const begin = text.data();
    const char* const end = begin + text.size();
    const auto [stop, trouble] = std::from_chars(begin, end, number, is_hex ? 16 : 10);
    return trouble == std::errc{} && stop == end && !text.empty() ? std::optional(number)
                                                                  : std::nullopt;
}

Condition::Range number_range(std::uint64_t first, std::uint64_t last) {
    return {value_of(first), value_of(last)};
}

std::optional<ConntrackState> conntrack_state(std::string_view name) {
    using State = std::pair<std::string_view, ConntrackState>;
    static constexpr std::array known{State{"invalid", ConntrackState::invalid},
                                      State{"established", ConntrackState::established},
                                      State{"related", ConntrackState::related},
                                      State{"new", ConntrackState::fresh},
                                      State{"untracked", ConntrackState::untracked}};
    std::string lower(name);
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
    const auto* const found = std::ranges::find(known, lower, &State::first);
    return found == known.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::uint8_t> icmp_type_number(std::string_view name, bool is_v4) {
    using Type = std::pair<std::string_view, std::uint8_t>;
    static constexpr std::array v4{Type{"echo-reply", ICMP_ECHOREPLY},
                                   Type{"destination-unreachable", ICMP_DEST_UNREACH},
                                   Type{"redirect", ICMP_REDIRECT},
                                   Type{"echo-request", ICMP_ECHO},
                                   Type{"time-exceeded", ICMP_TIME_EXCEEDED},
                                   Type{"parameter-problem", ICMP_PARAMETERPROB}};
    static constexpr std::array v6{Type{"destination-unreachable", ICMP6_DST_UNREACH},
                                   Type{"packet-too-big", ICMP6_PACKET_TOO_BIG},
                                   Type{"time-exceeded", ICMP6_TIME_EXCEEDED},
                                   Type{"parameter-problem", ICMP6_PARAM_PROB},
                                   Type{"echo-request", ICMP6_ECHO_REQUEST},
                                   Type{"echo-reply", ICMP6_ECHO_REPLY},
                                   Type{"nd-router-solicit", ND_ROUTER_SOLICIT},
                                   Type{"nd-router-advert", ND_ROUTER_ADVERT},
                                   Type{"nd-neighbor-solicit", ND_NEIGHBOR_SOLICIT},
                                   Type{"nd-neighbor-advert", ND_NEIGHBOR_ADVERT},
                                   Type{"nd-redirect", ND_REDIRECT}};
    const std::span<const Type> types = is_v4 ? std::span<const Type>(v4) : v6;
    if (const auto found = std::ranges::find(types, name, &Type::first); found != types.end()) {
        return found->second;
    }
    const auto number = number_in(name);
    return number && *number <= std::numeric_limits<std::uint8_t>::max()
               ? std::optional(static_cast<std::uint8_t>(*number))
               : std::nullopt;
}

std::optional<std::uint8_t> protocol_number(std::string_view name) {
    using Protocol = std::pair<std::string_view, std::uint8_t>;
    static constexpr std::array known{
        Protocol{"tcp", IPPROTO_TCP},       Protocol{"udp", IPPROTO_UDP},
        Protocol{"icmp", IPPROTO_ICMP},     Protocol{"ipv6-icmp", IPPROTO_ICMPV6},
        Protocol{"icmpv6", IPPROTO_ICMPV6}, Protocol{"sctp", IPPROTO_SCTP},
        Protocol{"dccp", IPPROTO_DCCP},     Protocol{"udplite", IPPROTO_UDPLITE},
        Protocol{"gre", IPPROTO_GRE},       Protocol{"esp", IPPROTO_ESP},
        Protocol{"ah", IPPROTO_AH},         Protocol{"ipip", IPPROTO_IPIP},
        Protocol{"ipv6", IPPROTO_IPV6},     Protocol{"igmp", IPPROTO_IGMP}};
    if (const auto* const found = std::ranges::find(known, name, &Protocol::first);
        found != known.end()) {
        return found->second;
    }
    const auto number = number_in(name);
    return number && *number <= std::numeric_limits<std::uint8_t>::max()
               ? std::optional(static_cast<std::uint8_t>(*number))
               : std::nullopt;
}

}  // namespace flowstamp::netfilter
