// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/endpoint.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace flowstamp::net {

namespace {

constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

bool Endpoint::is_v4() const {
    return std::equal(kMapped.begin(), kMapped.end(), address.begin());
}

std::string Endpoint::ip_text() const {
    char text[INET6_ADDRSTRLEN] = {};
    if (is_v4()) {
        ::inet_ntop(AF_INET, address.data() + kMapped.size(), text, sizeof(text));
    } else {
        ::inet_ntop(AF_INET6, address.data(), text, sizeof(text));
    }
    return text;
}

std::string Endpoint::text() const {
    return is_v4() ? fmt::format("{}:{}", ip_text(), port)
                   : fmt::format("[{}]:{}", ip_text(), port);
}

Endpoint end_of(const fst_flow_key& key, unsigned index) {
    Endpoint end;
    std::memcpy(end.address.data(), key.address[index & 1U], end.address.size());
    end.port = ntohs(key.port[index & 1U]);
    return end;
}

}  // namespace flowstamp::net
