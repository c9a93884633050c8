// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/forwarder.h"

#include <gtest/gtest.h>

#include "tests/support/packet.h"
#include "tests/support/packet_view.h"

namespace flowstamp::lab {
namespace {

namespace packet = flowstamp::testing;

constexpr lab::Hop hop{.from = {{2, 0, 0, 0, 2, 2}}, .to = {{2, 0, 0, 0, 3, 1}}};

TEST(LabForwarded, Ipv4GetsNewMacsAndOneHopLess) {
    const auto frame = (packet::Ethernet{} / packet::Ipv4{.ttl = 64, .options = {1, 1, 1, 1}} /
                        packet::Tcp{} / packet::filler(33))
                           .bytes();
    const auto onward = lab::forwarded(frame, hop, true);
    ASSERT_TRUE(onward);
    const auto view = packet::view_tcp(*onward);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->ttl, 63);
    EXPECT_TRUE(view->ip_checksum_ok);
    EXPECT_TRUE(view->checksum_ok);
    const auto segment = lab::parse_segment(*onward);
    EXPECT_EQ(segment->source_mac, hop.from);
    EXPECT_EQ(segment->destination_mac, hop.to);
    EXPECT_EQ(onward->size(), frame.size());
}

TEST(LabForwarded, Ipv6GetsOneHopLess) {
    const auto frame = (packet::Ethernet{} / packet::Ipv6{.hop_limit = 9} / packet::Tcp{}).bytes();
    EXPECT_EQ(lab::parse_segment(lab::forwarded(frame, hop, true).value())->ttl, 8);
}

TEST(LabForwarded, WireKeepsTheTtl) {
    const auto frame = (packet::Ethernet{} / packet::Ipv4{.ttl = 9} / packet::Tcp{}).bytes();
    EXPECT_EQ(lab::parse_segment(lab::forwarded(frame, hop, false).value())->ttl, 9);
}

TEST(LabForwarded, DropsAtTheLastHop) {
    using packet::Ethernet, packet::Tcp;
    const auto ipv4 = (Ethernet{} / packet::Ipv4{.ttl = 1} / Tcp{}).bytes();
    const auto ipv6 = (Ethernet{} / packet::Ipv6{.hop_limit = 1} / Tcp{}).bytes();
    EXPECT_FALSE(lab::forwarded(ipv4, hop, true));
    EXPECT_FALSE(lab::forwarded(ipv6, hop, true));
}

TEST(LabForwarded, OtherFramesAreNotForwarded) {
    const auto arp = (packet::Ethernet{.type = 0x0806} / packet::filler(46)).bytes();
    EXPECT_FALSE(lab::forwarded(arp, hop, true));
    const auto local =
        (packet::Ethernet{} / packet::Ipv6{.dst = "fe80::1"} / packet::Icmpv6{}).bytes();
    EXPECT_FALSE(lab::forwarded(local, hop, true));
    EXPECT_FALSE(lab::forwarded({}, hop, true));
}

}  // namespace
}  // namespace flowstamp::lab
