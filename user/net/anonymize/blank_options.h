// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <span>

namespace flowstamp::net {

/// Whose options: they differ in what ends them, and in what their length counts.
enum class OptionsOf : std::uint8_t { ipv4, ipv6, tcp };

/// Zeroes the contents of options, but of TCP's that cannot name a host; kinds and lengths stay.
/// Addresses stand in routes (RFC 791), home addresses (RFC 6275), Multipath TCP's ADD_ADDR (RFC
/// 8684) and what load balancers add (kinds without a standard).
void blank_options(std::span<std::uint8_t> options, OptionsOf of);

}  // namespace flowstamp::net
