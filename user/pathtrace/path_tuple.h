// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <arpa/inet.h>

#include "flowstamp/path.h"

namespace flowstamp::pathtrace {

/// Whether an address of a tuple is IPv4: ::ffff:a.b.c.d.
[[nodiscard]] inline bool is_ipv4(const __be32 (&address)[4]) {
    return address[0] == 0 && address[1] == 0 && address[2] == htonl(0xffff);
}

}  // namespace flowstamp::pathtrace
