// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The packets marked "from the wire" were sent by Linux 6.18 over a veth pair with checksum
// offload off, and captured by tcpdump.
#include <gtest/gtest.h>

#include <cctype>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/support/packet.h"
#include "tests/support/packet_view.h"

namespace flowstamp::testing {
namespace {

/// Bytes from hexadecimal digits; anything else is a separator.
Bytes hex(std::string_view text) {
    std::string digits;
    for (const char c : text) {
        if (std::isxdigit(static_cast<unsigned char>(c)) != 0) {
            digits += c;
        }
    }
    Bytes bytes;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
        bytes.push_back(static_cast<std::uint8_t>(std::stoul(digits.substr(i, 2), nullptr, 16)));
    }
    return bytes;
}

const Ethernet kToClient{.src = "00:00:5e:00:53:02", .dst = "00:00:5e:00:53:01"};

Packet small_reset() {
    return Ethernet{} / Ipv4{} / Tcp{.flags = Rst | Ack};
}

TEST(Checksum, SumsTheExampleOfRfc1071) {
    const Bytes data = hex("0001 f203 f4f5 f6f7");
    EXPECT_EQ(ones_sum(data), 0xddf2);
    EXPECT_EQ(internet_checksum(data), 0x220d);
}

TEST(Checksum, CountsAnOddByteAsTheHighHalf) {
    EXPECT_EQ(ones_sum(hex("0001 f2")), 0xf201);
}

TEST(PacketFromTheWire, Ipv4Syn) {
    const Packet syn = Ethernet{} / Ipv4{.dst = "192.0.2.2", .id = 30605} /
                       Tcp{.seq = 3087229437,
                           .flags = Syn,
                           .window = 64240,
                           .options = linux_syn_options(4278180652, 0, 1460, 10)};
    EXPECT_EQ(syn.bytes(), hex("0000 5e00 5302 0000 5e00 5301 0800 4500"
                               "003c 778d 4000 4006 3f2b c000 0201 c000"
                               "0202 9c40 01bb b803 61fd 0000 0000 a002"
                               "faf0 36df 0000 0204 05b4 0402 080a feff"
                               "db2c 0000 0000 0103 030a"));
}

TEST(PacketFromTheWire, Ipv4DataOfOddLength) {
    const Packet data = kToClient / Ipv4{.src = "192.0.2.2", .dst = "192.0.2.1", .id = 63267} /
                        Tcp{.src_port = 443,
                            .dst_port = 40000,
                            .seq = 643468279,
                            .ack = 3087229438,
                            .flags = Psh | Ack,
                            .window = 64,
                            .options = nop_nop_timestamps(1975205130, 4278180652)} /
                        Payload("hello");
    EXPECT_EQ(data.bytes(), hex("0000 5e00 5301 0000 5e00 5302 0800 4500"
                                "0039 f723 4000 4006 bf97 c000 0202 c000"
                                "0201 01bb 9c40 265a 8bf7 b803 61fe 8018"
                                "0040 b758 0000 0101 080a 75bb 3d0a feff"
                                "db2c 6865 6c6c 6f"));
}

TEST(PacketFromTheWire, Ipv6ResetOfAClosedPort) {
    const Packet reset =
        kToClient / Ipv6{.src = "2001:db8::2", .dst = "2001:db8::1", .flow_label = 0xcb3ed} /
        Tcp{.src_port = 81, .dst_port = 33830, .ack = 825160477, .flags = Rst | Ack};
    EXPECT_EQ(reset.bytes(), hex("0000 5e00 5301 0000 5e00 5302 86dd 600c"
                                 "b3ed 0014 0640 2001 0db8 0000 0000 0000"
                                 "0000 0000 0002 2001 0db8 0000 0000 0000"
                                 "0000 0000 0001 0051 8426 0000 0000 312e"
                                 "f31d 5014 0000 ab98 0000"));
}

TEST(PacketFromTheWire, IcmpQuotingADatagram) {
    const Packet sent = Ethernet{} / Ipv4{.dst = "192.0.2.2", .id = 22682} /
                        Udp{.src_port = 58941, .dst_port = 53} / Payload("x");
    const Packet error =
        kToClient /
        Ipv4{.src = "192.0.2.2", .dst = "192.0.2.1", .id = 20600, .df = false, .tos = 0xc0} /
        Icmp{.type = 3, .code = 3} / Quoted(sent);
    EXPECT_EQ(error.bytes(), hex("0000 5e00 5301 0000 5e00 5302 0800 45c0"
                                 "0039 5078 0000 4001 a588 c000 0202 c000"
                                 "0201 0303 811b 0000 0000 4500 001d 589a"
                                 "4000 4011 5e32 c000 0201 c000 0202 e63d"
                                 "0035 0009 1d65 78"));
}

TEST(PacketFromTheWire, Icmpv6QuotingADatagram) {
    const Packet sent = Ipv6{.src = "2001:db8::1", .dst = "2001:db8::2", .flow_label = 0x7b4e1} /
                        Udp{.src_port = 0xb2e6, .dst_port = 53} / Payload("x");
    const Packet error = kToClient /
                         Ipv6{.src = "2001:db8::2", .dst = "2001:db8::1", .flow_label = 0xc2370} /
                         Icmpv6{.type = 1, .code = 4} / Quoted(sent);
    EXPECT_EQ(error.bytes(), hex("0000 5e00 5301 0000 5e00 5302 86dd 600c"
                                 "2370 0039 3a40 2001 0db8 0000 0000 0000"
                                 "0000 0000 0002 2001 0db8 0000 0000 0000"
                                 "0000 0000 0001 0104 7cfb 0000 0000 6007"
                                 "b4e1 0009 1140 2001 0db8 0000 0000 0000"
                                 "0000 0000 0001 2001 0db8 0000 0000 0000"
                                 "0000 0000 0002 b2e6 0035 0009 794b 78"));
}

TEST(PacketBuilder, QuotesTheRequestedLength) {
    const Bytes inner = (Ipv4{} / Tcp{.seq = 7}).bytes();
    const Bytes error = (Ipv4{} / Icmp{} / Quoted(Ethernet{} / Ipv4{} / Tcp{.seq = 7}, 28)).bytes();
    ASSERT_EQ(error.size(), 20u + 8 + 28);
    EXPECT_EQ(Bytes(error.begin() + 28, error.end()), Bytes(inner.begin(), inner.begin() + 28));
}

TEST(PacketBuilder, TagsOnceAndTwice) {
    const Bytes once = (Ethernet{} / Vlan{.id = 5, .priority = 3} / Ipv4{} / Tcp{}).bytes();
    EXPECT_EQ(Bytes(once.begin() + 12, once.begin() + 18), hex("8100 6005 0800"));
    const Bytes twice = (Ethernet{} / Vlan{.id = 5} / Vlan{.id = 6} / Ipv6{} / Tcp{}).bytes();
    EXPECT_EQ(Bytes(twice.begin() + 12, twice.begin() + 22), hex("88a8 0005 8100 0006 86dd"));
    EXPECT_EQ(view_tcp(twice)->vlan_ids, (std::vector<std::uint16_t>{5, 6}));
}

TEST(PacketBuilder, ChainsExtensionHeaders) {
    const Bytes packet = (Ipv6{} / HopByHop{.options = hex("0502 0000")} / Routing{.type = 0} /
                          Fragment{.id = 0x01020304} / DestinationOptions{} / Tcp{})
                             .bytes();
    const Bytes headers(packet.begin() + 40, packet.end() - 20);
    EXPECT_EQ(packet[6], 0);  // the next header: hop-by-hop options
    EXPECT_EQ(headers, hex("2b00 0502 0000 0100"
                           "2c00 0000 0000 0000"
                           "3c00 0000 0102 0304"
                           "0600 0104 0000 0000"));
    const auto view = view_tcp(packet, StartsWith::Ip);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->tcp_offset, 72u);
    EXPECT_TRUE(view->checksum_ok);
}

/// What stands between `at` bytes and the packet that the tunnel holds.
Bytes headers_before(const Packet& packet, const Packet& inner, std::size_t at) {
    const Bytes whole = packet.bytes(), contents = inner.bytes();
    EXPECT_EQ(Bytes(whole.end() - static_cast<std::ptrdiff_t>(contents.size()), whole.end()),
              contents);
    return {whole.begin() + static_cast<std::ptrdiff_t>(at),
            whole.end() - static_cast<std::ptrdiff_t>(contents.size())};
}

/// Bytes that tshark dissects to the inner TCP segment.
TEST(PacketBuilder, EncodesTunnels) {
    const Packet segment = Ipv4{} / Tcp{.flags = Syn};
    const Packet frame = Ethernet{} / segment;
    const auto in_ip = [](const Packet& tunnel, const Packet& inner) {
        return headers_before(Ipv4{} / tunnel / inner, inner, 20);
    };
    const auto in_udp = [](const Packet& tunnel, const Packet& inner) {
        return headers_before(Ipv4{} / Udp{} / tunnel / inner, inner, 28);
    };
    EXPECT_EQ(in_ip(Gre{.checksum = true, .key = 7, .sequence = 9}, segment),
              hex("b000 0800 3446 0000 00000007 00000009"));
    EXPECT_EQ(in_ip(Gre{}, frame), hex("0000 6558"));
    EXPECT_EQ(
        in_ip(Pptp{.sequence = 5, .acknowledgment = 6} / Ppp{.address_control = true}, segment),
        hex("3081 880b 002c 0001 00000005 00000006 ff03 0021"));
    EXPECT_EQ(in_ip(Pptp{.sequence = 5} / Ppp{.compressed = true}, segment),
              hex("3001 880b 0029 0001 00000005 21"));
    EXPECT_EQ(in_ip(Gre{.sequence = 5} / Erspan2{}, frame),
              hex("1000 88be 00000005 1000 0001 00000000"));
    EXPECT_EQ(in_ip(Gre{.sequence = 5} / Erspan3{.platform = true}, frame),
              hex("1000 22eb 00000005 2000 0001 00000000 0000 0001 00000000 00000000"));
    EXPECT_EQ(in_udp(Vxlan{.vni = 0x123456}, frame), hex("0800 0000 123456 00"));
    EXPECT_EQ(in_udp(Geneve{.vni = 0x123456, .options = hex("0101 0101 01")}, frame),
              hex("0200 6558 123456 00 0101010101 000000"));
    EXPECT_EQ(in_udp(Gtp{.sequence = 3, .extensions = {hex("00 09")}}, segment),
              hex("36ff 0030 00000001 0003 00 85 01 0009 00"));
    EXPECT_EQ(in_udp(Gtp{}, segment), hex("30ff 0028 00000001"));
    EXPECT_EQ(
        headers_before(Ethernet{} / Mpls{} / Packet(Mpls{.label = 0xfffff}) / segment, segment, 12),
        hex("8847 00010040 fffff140"));
    EXPECT_EQ(
        headers_before(Ethernet{} / Mpls{} / Packet(ControlWord{.sequence = 5}) / frame, frame, 12),
        hex("8847 00010140 00000005"));
    EXPECT_EQ(headers_before(Ethernet{} / Pppoe{} / Packet(Ppp{}) / segment, segment, 12),
              hex("8864 1100 0001 002a 0021"));
    const Bytes outer = (Ipv4{} / Pptp{}).bytes();
    EXPECT_EQ(outer.at(9), 47);
}

TEST(PacketBuilder, PadsOptionsOfBothHeaders) {
    const Bytes packet =
        (Ipv4{.options = hex("07 03 04")} / Tcp{.options = {Sack{{{1, 2}, {3, 4}}}, WindowScale{}}})
            .bytes();
    EXPECT_EQ(packet[0], 0x46);
    EXPECT_EQ(Bytes(packet.begin() + 20, packet.begin() + 24), hex("0703 0400"));
    EXPECT_EQ(Bytes(packet.begin() + 44, packet.end()),
              hex("0512 00000001 00000002 00000003 00000004 030307 000000"));
    EXPECT_EQ(packet[36] >> 4, 11);
}

TEST(PacketBuilder, WritesWhatIsSetExplicitly) {
    const Bytes packet = (Ethernet{.type = 0x0806} /
                          Ipv4{.more_fragments = true,
                               .fragment_offset = 185,
                               .protocol = 17,
                               .header_words = 4,
                               .total_length = 9,
                               .checksum = 0xbeef} /
                          Tcp{.options = {RawOption{.kind = 8, .length = 0}},
                              .header_words = 15,
                              .checksum = 0x1234})
                             .bytes();
    EXPECT_EQ(Bytes(packet.begin() + 12, packet.begin() + 26),
              hex("0806 4400 0009 0000 60b9 4011 beef"));
    EXPECT_EQ(packet[34 + 12], 0xf0);
    EXPECT_EQ(Bytes(packet.begin() + 34 + 16, packet.begin() + 34 + 18), hex("1234"));
    EXPECT_EQ(Bytes(packet.begin() + 34 + 20, packet.end()), hex("0800 0000"));
}

TEST(PacketBuilder, LeavesTheTrailerOutOfLengthsAndChecksums) {
    const Bytes bare = small_reset().bytes();
    const Bytes padded = (small_reset() / Trailer{Bytes(6, 0xff)}).bytes();
    EXPECT_EQ(padded.size(), 60u);
    EXPECT_EQ(Bytes(padded.begin(), padded.end() - 6), bare);
    EXPECT_TRUE(tcp_checksum_ok(padded));
}

TEST(PacketBuilder, RefusesAnInvalidAddress) {
    EXPECT_THROW((Ipv4{.src = "192.0.2"} / Tcp{}).bytes(), std::invalid_argument);
    EXPECT_THROW((Ethernet{.src = "00:00:5e"} / Ipv4{}).bytes(), std::invalid_argument);
    EXPECT_THROW((Ethernet{.src = "00:00:5e:00:53:01:02"} / Ipv4{}).bytes(), std::invalid_argument);
}

TEST(PacketBuilder, RefusesOptionsThatDoNotFit) {
    EXPECT_THROW((Ipv4{} / Tcp{.options = std::vector<TcpOption>(41, Nop{})}).bytes(),
                 std::invalid_argument);
    EXPECT_THROW((Ipv4{.options = Bytes(41, 1)} / Tcp{}).bytes(), std::invalid_argument);
}

TEST(PacketView, ReadsBackWhatWasBuilt) {
    const Packet packet = Ethernet{} / Ipv4{.ttl = 57, .id = 4711, .df = false} /
                          Tcp{.seq = 0xfffffff0,
                              .ack = 5,
                              .flags = Psh | Ack,
                              .window = 501,
                              .options = nop_nop_timestamps(1, 2)} /
                          filler(100);
    const auto view = view_tcp(packet.bytes());
    ASSERT_TRUE(view);
    EXPECT_EQ(view->src, "192.0.2.1");
    EXPECT_EQ(view->dst, "198.51.100.7");
    EXPECT_EQ(view->ttl, 57);
    EXPECT_EQ(view->ip_id, 4711);
    EXPECT_EQ(view->df, false);
    EXPECT_EQ(view->src_port, 40000);
    EXPECT_EQ(view->dst_port, 443);
    EXPECT_EQ(view->seq, 0xfffffff0u);
    EXPECT_EQ(view->ack, 5u);
    EXPECT_EQ(view->flags, Psh | Ack);
    EXPECT_EQ(view->window, 501);
    EXPECT_EQ(view->options.size(), 12u);
    EXPECT_EQ(view->payload, filler(100).data);
}

TEST(PacketView, DistinguishesCorrectPartialAndWrongChecksums) {
    for (const Packet& ip : {Ethernet{} / Ipv4{}, Ethernet{} / Ipv6{}}) {
        const Bytes correct = (ip / Tcp{} / Payload("odd")).bytes();
        EXPECT_TRUE(tcp_checksum_ok(correct));
        EXPECT_FALSE(tcp_checksum_partial(correct));
        const Bytes partial = (ip / Tcp{.checksum = Checksum::Partial} / Payload("odd")).bytes();
        EXPECT_FALSE(tcp_checksum_ok(partial));
        EXPECT_TRUE(tcp_checksum_partial(partial));
        const Bytes wrong = (ip / Tcp{.checksum = Checksum::Wrong} / Payload("odd")).bytes();
        EXPECT_FALSE(tcp_checksum_ok(wrong));
        EXPECT_FALSE(tcp_checksum_partial(wrong));
    }
    EXPECT_FALSE(tcp_checksum_ok((Ethernet{} / Ipv4{.checksum = Checksum::Wrong} / Tcp{}).bytes()));
}

TEST(PacketView, NoticesEachFlippedBit) {
    const Bytes frame = (Ethernet{} / Ipv4{} / Tcp{} / Payload("data")).bytes();
    ASSERT_TRUE(tcp_checksum_ok(frame));
    for (std::size_t i = 26; i < frame.size(); ++i) {  // addresses, TCP header and data
        Bytes damaged = frame;
        damaged[i] ^= 0x10;
        EXPECT_FALSE(tcp_checksum_ok(damaged)) << "byte " << i;
    }
}

TEST(PacketView, RejectsTruncatedOrOtherPackets) {
    const Packet whole = Ethernet{} / Ipv6{} / HopByHop{} / Tcp{} / Payload("data");
    const std::size_t length = whole.bytes().size();
    EXPECT_TRUE(view_tcp(truncated(whole, length)));
    for (std::size_t cut = 0; cut < length; ++cut) {
        EXPECT_FALSE(view_tcp(truncated(whole, cut))) << cut << " bytes";
    }
    EXPECT_FALSE(view_tcp((Ethernet{} / Ipv4{} / Udp{} / filler(40)).bytes()));
    EXPECT_FALSE(view_tcp((Ethernet{} / Ipv4{.fragment_offset = 1} / Tcp{}).bytes()));
    EXPECT_FALSE(view_tcp((Ethernet{} / Ipv6{} / Fragment{.offset = 1} / Tcp{}).bytes()));
}

}  // namespace
}  // namespace flowstamp::testing
