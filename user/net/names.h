// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "flowstamp/flow.h"

namespace flowstamp::net {

/// "zero", "constant", "per-flow", "global", "random"; "unknown" until enough packets were seen.
[[nodiscard]] std::string_view id_class_name(std::uint8_t id_class);

/// A connection's state, as far as its packets have shown it.
enum class FlowState { midway, syn_sent, syn_received, established, closing, closed, reset };
inline constexpr std::size_t kFlowStates = 7;

[[nodiscard]] FlowState state_of(const fst_flow& flow);

/// "syn-sent", "syn-received", "established", "closing", "closed", "reset"; "midway" if the
/// handshake was not seen.
[[nodiscard]] std::string_view state_name(FlowState state);
[[nodiscard]] std::string_view state_name(const fst_flow& flow);

/// "TCP", "UDP", "ICMP", "IPv6-ICMP" of an IPPROTO_*; a number for others.
[[nodiscard]] std::string protocol_name(std::uint8_t protocol);

/// "02:00:5e:00:53:01": a MAC address, 6 bytes in network order.
[[nodiscard]] std::string mac_text(std::span<const std::uint8_t, 6> mac);

/// As tcpdump writes them: "S.", "R", "P."; "none" without flags.
[[nodiscard]] std::string tcp_flags_short(std::uint8_t flags);

/// "52 (12 hops)"; several TTLs as "52, 53 (12, 11 hops)"; "145 (? hops)" where no usual initial TTL
/// explains one; empty for an empty set.
[[nodiscard]] std::string ttl_text(std::uint8_t ttl);
[[nodiscard]] std::string ttls_text(std::span<const std::uint8_t> ttls);
[[nodiscard]] std::string ttl_set_text(const fst_direction& direction);

/// Index of the end that opened the connection: the one that sent the SYN; if none was seen, the
/// one with the higher port.
[[nodiscard]] unsigned opener_of(const fst_flow& flow);

}  // namespace flowstamp::net
