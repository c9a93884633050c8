// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/anonymize/address_anonymizer.h"

#include <gtest/gtest.h>

#include <bit>
#include <random>
#include <set>
#include <string>

#include "tests/support/anonymizing.h"

namespace flowstamp::testing {
namespace {

using Mac = std::array<std::uint8_t, 6>;

/// The bits that two addresses begin with alike.
unsigned shared_bits(const std::string& one, const std::string& other) {
    unsigned bits = 0;
    for (std::size_t i = 0; i < one.size(); i++) {
        const auto differ = static_cast<std::uint8_t>(one[i] ^ other[i]);
        bits += static_cast<unsigned>(std::countl_zero(differ));
        if (differ != 0) {
            break;
        }
    }
    return bits;
}

std::string after(const net::AddressAnonymizer& anonymizer, std::string address) {
    anonymizer.replace_ip({reinterpret_cast<std::uint8_t*>(address.data()), address.size()});
    return address;
}

Mac after(const net::AddressAnonymizer& anonymizer, Mac mac) {
    anonymizer.replace_mac(mac);
    return mac;
}

TEST(AddressAnonymizer, GivesWhatCryptoPanGives) {
    const net::AddressAnonymizer anonymizer(kSampleKey);
    EXPECT_EQ(ip_after(anonymizer, "128.11.68.132"), "135.242.180.132");
    EXPECT_EQ(ip_after(anonymizer, "129.118.74.4"), "134.136.186.123");
}

/// Random ones, each with another that differs from it at one bit first.
TEST(AddressAnonymizer, KeepsTheLengthOfCommonPrefixes) {
    std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same each time
    const auto anonymizer = anonymizer_of(7);
    for (const std::size_t bytes : {4U, 16U}) {
        for (unsigned bit = 0; bit < bytes * 8; bit++) {
            std::string one(bytes, '\0');
            for (char& byte : one) {
                byte = static_cast<char>(random());
            }
            std::string other = one;
            other[bit / 8] = static_cast<char>(other[bit / 8] ^ (0x80U >> bit % 8));
            for (std::size_t i = bit / 8 + 1; i < bytes; i++) {
                other[i] = static_cast<char>(random());
            }
            ASSERT_EQ(shared_bits(one, other), bit);
            EXPECT_EQ(shared_bits(after(anonymizer, one), after(anonymizer, other)), bit);
        }
    }
}

/// An exception could become what another address has become.
TEST(AddressAnonymizer, MakesNoExceptions) {
    const net::AddressAnonymizer anonymizer(kSampleKey);
    for (const char* special : {"127.0.0.1", "169.254.1.1", "10.0.0.1", "0.0.0.0",
                                "255.255.255.255", "::1", "fe80::1", "fd00::1", "::"}) {
        EXPECT_NE(ip_after(anonymizer, special), special);
    }
}

TEST(AddressAnonymizer, ReplacesMappedIpv4AsIpv4) {
    const net::AddressAnonymizer anonymizer(kSampleKey);
    EXPECT_EQ(ip_after(anonymizer, "::ffff:128.11.68.132"), "::ffff:135.242.180.132");
}

TEST(AddressAnonymizer, DependsOnAllOfTheKey) {
    std::set<std::string> seen;
    for (std::size_t i = 0; i < kSampleKey.size(); i++) {
        auto key = kSampleKey;
        key.at(i) ^= 1;
        seen.insert(ip_after(net::AddressAnonymizer(key), "2001:db8::1"));
    }
    EXPECT_EQ(seen.size(), kSampleKey.size());
}

TEST(AddressAnonymizer, KeepsOfAMacWhetherItIsAGroups) {
    const auto anonymizer = anonymizer_of(7);
    std::set<Mac> seen;
    for (unsigned i = 0; i < 1000; i++) {
        const Mac mac = {static_cast<std::uint8_t>(i),         0, 0x5e, 0, 0x53,
                         static_cast<std::uint8_t>(i >> 2 | 1)};
        const Mac now = after(anonymizer, mac);
        EXPECT_EQ(now, after(anonymizer, mac));
        EXPECT_EQ(now[0] & 1, mac[0] & 1);
        EXPECT_EQ(now[0] & 2, 2) << "no maker's";
        seen.insert(now);
    }
    EXPECT_EQ(seen.size(), 1000U);
    for (const std::uint8_t nobody : {0x00, 0xff}) {
        Mac mac{};
        mac.fill(nobody);
        EXPECT_EQ(after(anonymizer, mac), mac);
    }
}

TEST(AddressAnonymizer, GivesNumbersThatJsonReadersKeep) {
    const auto one = anonymizer_of(1), other = anonymizer_of(2);
    for (std::uint64_t i = 0; i < 100; i++) {
        EXPECT_LT(one.number(i), 1ULL << 53);
        EXPECT_EQ(one.number(i), anonymizer_of(1).number(i));
        EXPECT_NE(one.number(i), other.number(i));
        EXPECT_NE(one.number(i), one.number(i + 1));
    }
}

}  // namespace
}  // namespace flowstamp::testing
