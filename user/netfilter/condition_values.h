// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The values of conditions, as iptables and nft write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "user/netfilter/rule_match.h"

namespace flowstamp::netfilter {

/// "10.0.0.1", "fe80::1"; nothing if it is no address.
[[nodiscard]] std::optional<Value> address_value(std::string_view text);

/// "10.0.0.1" of a mapped IPv4 address, else "fe80::1".
[[nodiscard]] std::string address_text(const Value& address);

/// The addresses of a prefix of `bits`, of an IPv4 address counted from its first bit.
[[nodiscard]] std::optional<Condition::Range> prefix_range(std::string_view address,
                                                           std::uint64_t bits);

/// "10.0.0.0/24", "10.0.0.0/255.255.255.0", "10.0.0.1"; nothing if the mask has gaps.
[[nodiscard]] std::optional<Condition::Range> address_range(std::string_view text);

/// A decimal or hexadecimal number; nothing if `text` is none.
[[nodiscard]] std::optional<std::uint64_t> number_in(std::string_view text);

[[nodiscard]] Condition::Range number_range(std::uint64_t first, std::uint64_t last);

/// "new", "ESTABLISHED", "invalid" and the other states of conntrack, in either case.
[[nodiscard]] std::optional<ConntrackState> conntrack_state(std::string_view name);

/// "echo-request", "nd-neighbor-solicit" and others as nft writes them for ICMP, or ICMPv6; or a number.
[[nodiscard]] std::optional<std::uint8_t> icmp_type_number(std::string_view name, bool is_v4);

/// "tcp", "udp", "icmp", "ipv6-icmp", "sctp" and others, or a number.
[[nodiscard]] std::optional<std::uint8_t> protocol_number(std::string_view name);

}  // namespace flowstamp::netfilter
