// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>
#include <string_view>

#include "user/net/anonymize/address_anonymizer.h"

namespace flowstamp::net {

/// The text, such as a firewall's rule, with the addresses in it replaced: IPv4, IPv6 and MAC. Of a
/// prefix ("192.0.2.0/24", "192.0.2.0/255.255.255.0") the host's part stays 0: it matches what it
/// matched.
[[nodiscard]] std::string anonymized_text(std::string_view text,
                                          const AddressAnonymizer& anonymizer);

}  // namespace flowstamp::net
