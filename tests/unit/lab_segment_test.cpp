// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/segment.h"

#include <gtest/gtest.h>

#include "tests/support/packet.h"

namespace flowstamp::lab {
namespace {

namespace packet = flowstamp::testing;

TEST(LabSegment, ReadsIpv4) {
    const auto frame =
        (packet::Ethernet{.src = "02:00:00:00:00:01"} /
         packet::Ipv4{.src = "203.0.113.2", .dst = "198.51.100.2", .ttl = 61, .id = 777, .tos = 8} /
         packet::Tcp{.src_port = 80,
                     .dst_port = 40001,
                     .seq = 1000,
                     .ack = 2000,
                     .flags = packet::Psh | packet::Ack,
                     .window = 509,
                     .options = packet::nop_nop_timestamps(11, 22)} /
         packet::filler(100))
            .bytes();
    const auto segment = lab::parse_segment(frame);
    ASSERT_TRUE(segment);
    EXPECT_EQ(segment->source.text(), "203.0.113.2:80");
    EXPECT_EQ(segment->destination.text(), "198.51.100.2:40001");
    EXPECT_EQ(segment->source_mac.text(), "02:00:00:00:00:01");
    EXPECT_EQ(segment->ttl, 61);
    EXPECT_EQ(segment->ip_id, 777);
    EXPECT_TRUE(segment->dont_fragment);
    EXPECT_EQ(segment->tos, 8);
    EXPECT_EQ(segment->seq, 1000u);
    EXPECT_EQ(segment->ack, 2000u);
    EXPECT_EQ(segment->flags, Psh | Ack);
    EXPECT_EQ(segment->window, 509);
    EXPECT_EQ(segment->payload_bytes, 100u);
    EXPECT_EQ(segment->end(), 1100u);
    EXPECT_EQ(segment->timestamps, (Timestamps{11, 22}));
}

TEST(LabSegment, ReadsIpv6) {
    const auto frame = (packet::Ethernet{} /
                        packet::Ipv6{.src = "2001:db8:113::2",
                                     .dst = "2001:db8:100::2",
                                     .hop_limit = 60,
                                     .flow_label = 0xabcde,
                                     .traffic_class = 3} /
                        packet::Tcp{.src_port = 80, .seq = 7, .flags = packet::Syn | packet::Ack})
                           .bytes();
    const auto segment = lab::parse_segment(frame);
    ASSERT_TRUE(segment);
    EXPECT_EQ(segment->source.text(), "[2001:db8:113::2]:80");
    EXPECT_EQ(segment->ttl, 60);
    EXPECT_EQ(segment->tos, 3);
    EXPECT_EQ(segment->flow_label, 0xabcdeu);
    EXPECT_EQ(segment->payload_bytes, 0u);
    EXPECT_EQ(segment->end(), 8u);
    EXPECT_FALSE(segment->timestamps);
}

TEST(LabSegment, TakesLengthsFromTheIpHeaderNotTheFrame) {
    const auto whole = packet::Ethernet{} / packet::Ipv4{} / packet::Tcp{} / packet::filler(3000);
    EXPECT_EQ(lab::parse_segment(packet::truncated(whole, 100))->payload_bytes, 3000u);
    const auto padded = packet::Ethernet{} / packet::Ipv4{} / packet::Tcp{} /
                        packet::Trailer{packet::Bytes(6, std::uint8_t{0})};
    EXPECT_EQ(lab::parse_segment(padded.bytes())->payload_bytes, 0u);
}

TEST(LabSegment, RejectsWhatIsNoWholeSegment) {
    using packet::Ethernet, packet::Ipv4, packet::Ipv6, packet::Tcp, packet::Udp;
    EXPECT_FALSE(lab::parse_segment((Ethernet{} / Ipv4{} / Udp{}).bytes()));
    EXPECT_FALSE(lab::parse_segment((Ethernet{} / Ipv4{.fragment_offset = 10} / Tcp{}).bytes()));
    EXPECT_FALSE(lab::parse_segment((Ethernet{} / Ipv4{.more_fragments = true} / Tcp{}).bytes()));
    EXPECT_FALSE(lab::parse_segment((Ethernet{} / Ipv4{} / Tcp{.header_words = 4}).bytes()));
    EXPECT_FALSE(lab::parse_segment((Ethernet{} / Ipv4{} / Tcp{.header_words = 15}).bytes()));
    EXPECT_FALSE(lab::parse_segment((Ethernet{} / Ipv6{} / packet::HopByHop{} / Tcp{}).bytes()));
}

TEST(LabSegment, SurvivesEveryTruncation) {
    for (const packet::Packet& whole :
         {packet::Ethernet{} / packet::Ipv4{} /
              packet::Tcp{.options = packet::nop_nop_timestamps(1, 2)},
          packet::Ethernet{} / packet::Ipv6{} /
              packet::Tcp{.options = packet::linux_syn_options(1, 2)}}) {
        const std::size_t size = whole.bytes().size();
        for (std::size_t length = 0; length < size; ++length) {
            EXPECT_FALSE(lab::parse_segment(packet::truncated(whole, length))) << length;
        }
        EXPECT_TRUE(lab::parse_segment(whole.bytes()));
    }
}

}  // namespace
}  // namespace flowstamp::lab
