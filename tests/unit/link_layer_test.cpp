// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/capture/link_layer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/packet.h"

namespace flowstamp::testing {
namespace {

using ::testing::IsEmpty;

Bytes shaped(std::uint32_t link_type, const Bytes& frame, std::uint32_t original = 0) {
    static net::FrameShaper shaper;
    const auto bytes = shaper.shape(
        {.link_type = link_type,
         .original = original == 0 ? static_cast<std::uint32_t>(frame.size()) : original,
         .bytes = frame});
    return {bytes.begin(), bytes.end()};
}

Bytes joined(Bytes first, const Bytes& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

const Packet kV4 = Ipv4{} / Tcp{.flags = Syn} / Payload("abc");
const Packet kV6 = Ipv6{} / Tcp{.flags = Syn} / Payload("abc");

Bytes ethernet(const Packet& ip) {
    return (Ethernet{.src = "00:00:00:00:00:00", .dst = "00:00:00:00:00:00"} / ip).bytes();
}

Bytes sll(std::uint8_t high, std::uint8_t low) {
    Bytes header(16, 0x11);
    header[14] = high;
    header[15] = low;
    return header;
}

Bytes sll2(std::uint8_t high, std::uint8_t low) {
    Bytes header(20, 0x22);
    header[0] = high;
    header[1] = low;
    return header;
}

TEST(FrameShaper, LeavesEthernetAsItIs) {
    const Bytes frame = (Ethernet{} / Vlan{.id = 3} / kV4).bytes();
    EXPECT_EQ(shaped(1, frame), frame);
    const Bytes other = (Ethernet{.type = 0x0806} / Payload("who has")).bytes();
    EXPECT_EQ(shaped(1, other), other);
}

TEST(FrameShaper, GivesEveryOtherLinkAnEthernetHeaderWithoutAddresses) {
    const Bytes v4 = kV4.bytes(), v6 = kV6.bytes();
    for (const std::uint32_t raw : {12, 14, 101}) {
        EXPECT_EQ(shaped(raw, v4), ethernet(kV4));
        EXPECT_EQ(shaped(raw, v6), ethernet(kV6));
    }
    EXPECT_EQ(shaped(228, v4), ethernet(kV4));
    EXPECT_EQ(shaped(229, v6), ethernet(kV6));
    EXPECT_EQ(shaped(113, joined(sll(0x08, 0), v4)), ethernet(kV4));
    EXPECT_EQ(shaped(113, joined(sll(0x86, 0xdd), v6)), ethernet(kV6));
    EXPECT_EQ(shaped(276, joined(sll2(0x08, 0), v4)), ethernet(kV4));
    EXPECT_EQ(shaped(276, joined(sll2(0x86, 0xdd), v6)), ethernet(kV6));
    for (const std::uint32_t null : {0, 108}) {
        EXPECT_EQ(shaped(null, joined({2, 0, 0, 0}, v4)), ethernet(kV4));
        EXPECT_EQ(shaped(null, joined({0, 0, 0, 2}, v4)), ethernet(kV4));
        for (const std::uint8_t family : {10, 24, 28, 30}) {
            EXPECT_EQ(shaped(null, joined({family, 0, 0, 0}, v6)), ethernet(kV6));
            EXPECT_EQ(shaped(null, joined({0, 0, 0, family}, v6)), ethernet(kV6));
        }
    }
}

TEST(FrameShaper, OtherProtocolsStayOther) {
    const auto type = [](const Bytes& bytes) { return bytes.at(12) << 8 | bytes.at(13); };
    EXPECT_EQ(type(shaped(101, Bytes(20, 0x11))), 0xffff);
    EXPECT_EQ(type(shaped(101, {})), 0xffff);
    EXPECT_EQ(type(shaped(0, Bytes{7, 0, 0, 0, 1})), 0xffff);
    EXPECT_EQ(type(shaped(0, Bytes{2, 0, 2, 0, 1})), 0xffff);
    EXPECT_EQ(type(shaped(113, sll(0x08, 0x06))), 0x0806);
}

TEST(FrameShaper, FrameWithoutACompleteLinkHeaderIsEmpty) {
    EXPECT_THAT(shaped(1, Bytes(13, 1)), IsEmpty());
    EXPECT_THAT(shaped(113, Bytes(15, 1)), IsEmpty());
    EXPECT_THAT(shaped(276, Bytes(19, 1)), IsEmpty());
    EXPECT_THAT(shaped(0, Bytes(3, 1)), IsEmpty());
    for (const std::uint32_t link : {0, 1, 12, 14, 101, 108, 113, 228, 229, 276}) {
        EXPECT_TRUE(net::knows_link_type(link));
        for (std::size_t length = 0; length < 60; length++) {
            (void)shaped(link, Bytes(length, 0x45));
        }
    }
}

TEST(FrameShaper, CutsAtWhatTheDataPathReads) {
    EXPECT_EQ(shaped(1, Bytes(320, 1)).size(), 256U);
    EXPECT_EQ(shaped(101, Bytes(320, 1)).size(), 256U);
    EXPECT_EQ(shaped(276, Bytes(320, 1)).size(), 256U);
}

/// A network card with segmentation offload leaves the length to be filled in.
TEST(FrameShaper, FillsInAMissingIpLength) {
    const auto total = [](const Bytes& bytes, std::size_t at) {
        return bytes.at(at) << 8 | bytes.at(at + 1);
    };
    const Packet v4 = Ipv4{.total_length = 0} / Tcp{} / Payload("abc");
    const Packet v6 = Ipv6{.payload_length = 0} / Tcp{} / Payload("abc");
    EXPECT_EQ(total(shaped(1, (Ethernet{} / v4).bytes(), 14 + 5000), 16), 5000);
    EXPECT_EQ(total(shaped(1, (Ethernet{} / Vlan{} / v4).bytes(), 18 + 5000), 20), 5000);
    EXPECT_EQ(total(shaped(1, (Ethernet{} / Vlan{} / Vlan{} / v4).bytes(), 22 + 50), 24), 50);
    EXPECT_EQ(total(shaped(113, joined(sll(0x08, 0), v4.bytes()), 16 + 70'000), 16), 65535);
    EXPECT_EQ(total(shaped(101, v4.bytes(), 4000), 16), 4000);
    EXPECT_EQ(total(shaped(1, (Ethernet{} / v6).bytes(), 14 + 40 + 3000), 18), 3000);
    // What is not TCP, or has a length, is unchanged.
    const Bytes jumbo = (Ethernet{} / Ipv6{.payload_length = 0} / HopByHop{} / Tcp{}).bytes();
    EXPECT_EQ(shaped(1, jumbo, 90'000), jumbo);
    const Bytes whole = (Ethernet{} / kV4).bytes();
    EXPECT_EQ(shaped(1, whole, 9000), whole);
}

TEST(LinkType, IsNamed) {
    EXPECT_FALSE(net::knows_link_type(127));
    EXPECT_EQ(net::link_type_text(127), "127 (IEEE802_11_RADIO)");
    EXPECT_EQ(net::link_type_text(65000), "65000");
}

}  // namespace
}  // namespace flowstamp::testing
