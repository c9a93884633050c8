// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>

#include "flowstamp/path.h"

namespace flowstamp::testing {

/// Of a TCP packet over IPv4.
inline fst_path_tuple tuple(const char* from, std::uint16_t from_port, const char* to,
                            std::uint16_t to_port) {
    fst_path_tuple made{};
    made.source[2] = made.destination[2] = htonl(0xffff);
    inet_pton(AF_INET, from, &made.source[3]);
    inet_pton(AF_INET, to, &made.destination[3]);
    made.source_port = htons(from_port);
    made.destination_port = htons(to_port);
    made.protocol = IPPROTO_TCP;
    return made;
}

}  // namespace flowstamp::testing
