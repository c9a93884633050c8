// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "user/net/anonymize/address_anonymizer.h"

namespace flowstamp::net {

/// The packet with its addresses replaced, in tunnels and in what an ICMP error quotes, too. Options
/// of IP and TCP keep their kind and length; their contents are zeroed where these may name a host.
/// Checksums are updated (see HeaderChecksums). What follows the headers is cut off, as is what is
/// not known: nobody can say which addresses stand there. `packet`: from its Ethernet header on
/// (`is_ethernet`), else from its IP header.
[[nodiscard]] std::vector<std::uint8_t> anonymized_packet(std::span<const std::uint8_t> packet,
                                                          bool is_ethernet,
                                                          const AddressAnonymizer& anonymizer);

}  // namespace flowstamp::net
