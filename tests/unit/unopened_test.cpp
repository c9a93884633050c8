// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/capture/unopened.h"

#include <gtest/gtest.h>

#include "tests/support/packet.h"

namespace flowstamp::testing {
namespace {

std::string unopened(const Packet& packet) {
    return std::string(net::unopened_encapsulation(packet.bytes()));
}

TEST(Unopened, IsNamedByEthertypeProtocolOrPort) {
    const Packet payload = Payload(Bytes(32));
    EXPECT_EQ(unopened(Ethernet{} / Ipv4{} / Udp{.src_port = 1701, .dst_port = 1701} / payload),
              "L2TP");
    EXPECT_EQ(unopened(Ethernet{} / Ipv6{} / Udp{.src_port = 40000, .dst_port = 4500} / payload),
              "ESP");
    EXPECT_EQ(
        unopened(Ethernet{} / Vlan{} / Ipv4{} / Udp{.src_port = 51820, .dst_port = 9} / payload),
        "WireGuard");
    EXPECT_EQ(unopened(Ethernet{.type = 0x88e5} / payload), "MACsec");
}

TEST(Unopened, OrdinaryTrafficIsNot) {
    EXPECT_EQ(
        unopened(Ethernet{} / Ipv4{} / Udp{.src_port = 5353, .dst_port = 53} / Payload(Bytes(32))),
        "");
    EXPECT_EQ(unopened(Ethernet{} / Ipv4{} / Tcp{.dst_port = 1701}), "");
    EXPECT_EQ(unopened(Ethernet{.type = 0x0806} / Payload(Bytes(46))), "");
}

TEST(Unopened, ShortFramesAreNot) {
    const Bytes whole = (Ethernet{} / Ipv4{} / Udp{.dst_port = 1701}).bytes();
    for (std::size_t bytes = 0; bytes < 14 + 20 + 4; bytes++) {
        EXPECT_EQ(net::unopened_encapsulation(std::span(whole).first(bytes)), "") << bytes;
    }
}

}  // namespace
}  // namespace flowstamp::testing
