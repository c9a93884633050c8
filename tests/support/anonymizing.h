// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Keys of anonymization, and what it makes of addresses in text.
#pragma once

#include <arpa/inet.h>

#include <array>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

#include "user/net/anonymize/address_anonymizer.h"

namespace flowstamp::testing {

/// The key of the sample trace that Crypto-PAn 1.0 is distributed with.
inline constexpr net::AddressAnonymizer::Key kSampleKey = {
    21,  34,  23,  141, 51,  164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16,
    216, 152, 143, 131, 121, 121, 101, 39,  98, 87, 76, 45, 42, 132, 34,  2};

inline net::AddressAnonymizer anonymizer_of(std::uint8_t number) {
    net::AddressAnonymizer::Key key{};
    key.fill(number);
    return net::AddressAnonymizer(key);
}

/// The bytes of an address, 4 or 16.
inline std::string ip_bytes(const std::string& text) {
    const bool is_v6 = text.find(':') != std::string::npos;
    std::string bytes(is_v6 ? 16 : 4, '\0');
    if (::inet_pton(is_v6 ? AF_INET6 : AF_INET, text.c_str(), bytes.data()) != 1) {
        throw std::invalid_argument(text);
    }
    return bytes;
}

inline std::string ip_after(const net::AddressAnonymizer& anonymizer, const std::string& text) {
    std::string bytes = ip_bytes(text);
    anonymizer.replace_ip({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
    std::array<char, INET6_ADDRSTRLEN> after{};
    ::inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), after.data(), after.size());
    return after.data();
}

}  // namespace flowstamp::testing
