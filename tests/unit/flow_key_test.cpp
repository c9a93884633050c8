// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Equality and hash of flow keys, and the byte order of a packet's fields.
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "tests/support/events.h"
#include "tests/unit/datapath_functions.h"

namespace flowstamp {
namespace {

using flowstamp::testing::key_of;

constexpr std::array<__u64, 2> kSeed = {0x9d3c5f4a1b2e7081, 0x35a1c9e27f604bd8};

/// A key aligned to 8 bytes, as in a slot and in a packet.
struct AlignedKey {
    alignas(8) fst_flow_key key;

    [[nodiscard]] __u64 hash() const { return test_flow_hash(&key, kSeed.data()); }
};

TEST(FlowKey, TwoFlowsThatDifferInOneFieldAreTwo) {
    struct Case {
        const char* name;
        void (*change)(fst_flow_key&);
    };
    constexpr std::array kCases = {
        Case{"protocol", [](fst_flow_key& key) { key.protocol = IPPROTO_UDP; }},
        Case{"interface", [](fst_flow_key& key) { key.ifindex++; }},
        Case{"port of A", [](fst_flow_key& key) { key.port[0] ^= 0x0100; }},
        Case{"port of B", [](fst_flow_key& key) { key.port[1] ^= 0x0100; }},
        Case{"address of A", [](fst_flow_key& key) { key.address[0][3] ^= 1; }},
        Case{"address of B", [](fst_flow_key& key) { key.address[1][3] ^= 1; }},
    };
    for (const AlignedKey& flow :
         {AlignedKey{key_of("192.0.2.1", 40000, "198.51.100.7", 443, 3)},
          AlignedKey{key_of("2001:db8::1", 40000, "2001:db8:7::7", 443, 3)}}) {
        const AlignedKey same = flow;
        EXPECT_TRUE(test_key_equal(&flow.key, &same.key));
        EXPECT_EQ(flow.hash(), same.hash());
        for (const Case& c : kCases) {
            SCOPED_TRACE(c.name);
            AlignedKey other = flow;
            c.change(other.key);
            EXPECT_FALSE(test_key_equal(&flow.key, &other.key));
            EXPECT_NE(flow.hash(), other.hash());
        }
    }
}

template <typename Number>
std::vector<int> bytes_of(Number number) {
    std::array<unsigned char, sizeof(number)> bytes{};
    std::memcpy(bytes.data(), &number, sizeof(number));
    return {bytes.begin(), bytes.end()};
}

/// Whatever the byte order of this machine.
TEST(HostByteOrder, NumbersAreStoredAsInAPacket) {
    EXPECT_EQ(bytes_of(test_htons(0x0102)), (std::vector<int>{1, 2}));
    EXPECT_EQ(bytes_of(test_htonl(0x01020304)), (std::vector<int>{1, 2, 3, 4}));
    EXPECT_EQ(test_ntohs(test_htons(0x0102)), 0x0102);
    EXPECT_EQ(test_ntohl(test_htonl(0x01020304)), 0x01020304U);
}

}  // namespace
}  // namespace flowstamp
