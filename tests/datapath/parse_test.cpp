// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The parser: which counter a frame increments, and which fields reach the flow.
#include <arpa/inet.h>

#include <array>
#include <cstring>

#include "tests/datapath/parse_fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathParse : public ParseTest {};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathParse, ::testing::ValuesIn(every_hook()), case_name);

Tcp syn() {
    return {.src_port = fresh_port(), .seq = 1000, .flags = Syn, .window = 64240};
}

TEST_P(DatapathParse, LinkLayers) {
    EXPECT_EQ(result_of(Ethernet{} / Ipv4{} / syn()), FST_COUNT_TCP);
    EXPECT_EQ(result_of(Ethernet{} / Ipv6{} / syn()), FST_COUNT_TCP);
    EXPECT_EQ(result_of(Ethernet{} / Vlan{} / Ipv4{} / syn()), FST_COUNT_TCP);
    EXPECT_EQ(result_of(Ethernet{} / Vlan{} / Vlan{} / Ipv4{} / syn()), FST_COUNT_TCP);
    EXPECT_EQ(result_of(Ethernet{} / Vlan{} / Vlan{} / Ipv6{} / syn()), FST_COUNT_TCP);
    const Packet tags = Vlan{} / Vlan{} / Vlan{} / Vlan{};
    EXPECT_EQ(result_of(Ethernet{} / tags / Ipv4{} / syn()), FST_COUNT_TCP);
    EXPECT_EQ(result_of(Ethernet{} / tags / Vlan{} / Ipv4{} / syn()), FST_COUNT_TOO_DEEP);
    EXPECT_EQ(result_of(Ethernet{.type = 0x0806} / Payload(Bytes(46))), FST_COUNT_NOT_IP);
    EXPECT_EQ(result_of(Ethernet{} / Ipv4{} / Udp{} / Payload("12345678")), FST_COUNT_NOT_TCP);
    EXPECT_EQ(result_of(Ethernet{} / Ipv6{} / Udp{} / Payload("12345678")), FST_COUNT_NOT_TCP);
}

/// The tag may be offloaded or not: both are the same flow.
TEST_P(DatapathParse, AVlanTagIsNotPartOfTheFlow) {
    const Tcp tcp = syn();
    const std::uint64_t before = watching().counter(FST_COUNT_FLOW_NEW);
    reported_packet(Ethernet{} / Ipv4{} / tcp, FST_EVENT_SYN);
    watching().advance_ms(60);
    const fst_packet tagged =
        reported_packet(Ethernet{} / Vlan{.id = 7} / Ipv4{} / tcp, FST_EVENT_SYN);
    EXPECT_EQ(watching().counter(FST_COUNT_FLOW_NEW), before + 1);
    EXPECT_EQ(tagged.flags & FST_PACKET_VLAN, FST_PACKET_VLAN);
    EXPECT_EQ(tagged.l3_offset, 18);
    EXPECT_EQ(tagged.l4_offset, 38);
}

TEST_P(DatapathParse, EveryFieldOfIpv4) {
    const Packet packet = Ethernet{.src = "00:00:5e:00:53:0a"} /
                          Ipv4{.ttl = 61, .id = 0xbeef, .df = true, .tos = 0x28} /
                          Tcp{.src_port = fresh_port(),
                              .seq = 0x80000001,
                              .flags = Syn,
                              .window = 0xfedc,
                              .options = linux_syn_options(11, 0, 1400, 9)} /
                          Payload("fast open");
    const fst_packet seen = reported_packet(packet, FST_EVENT_SYN);
    EXPECT_EQ(seen.time_ns, watching().now_ns());
    EXPECT_EQ(seen.hook, hook());
    EXPECT_EQ(seen.ttl, 61);
    EXPECT_EQ(seen.ip_id, 0xbeef);
    EXPECT_EQ(seen.tos, 0x28);
    EXPECT_EQ(seen.seq, 0x80000001);
    EXPECT_EQ(seen.window, 0xfedc);
    EXPECT_EQ(seen.tcp_flags, Syn);
    EXPECT_EQ(seen.tcp_header, 40);
    EXPECT_EQ(seen.payload, 9U);
    EXPECT_EQ(seen.ip_bytes, 20U + 40 + 9);
    EXPECT_EQ(seen.mss, 1400);
    EXPECT_EQ(seen.wscale, 9);
    EXPECT_EQ(seen.ts_val, 11U);
    EXPECT_EQ(seen.ts_ecr, 0U);
    EXPECT_EQ(seen.segments, 1);
    EXPECT_EQ(seen.flags, FST_PACKET_DF | FST_PACKET_TS | FST_PACKET_OPTIONS | FST_PACKET_MSS |
                              FST_PACKET_WSCALE | FST_PACKET_SACK | FST_PACKET_MAC |
                              FST_PACKET_NEW_FLOW);
    const std::array<std::uint8_t, 6> mac{0, 0, 0x5e, 0, 0x53, 0x0a};
    EXPECT_EQ(std::memcmp(seen.src_mac, mac.data(), mac.size()), 0);
    EXPECT_EQ(seen.key.port[seen.direction ^ 1], htons(443));
    EXPECT_EQ(seen.key.address[seen.direction][2], htonl(0xffff));
    EXPECT_EQ(seen.key.address[seen.direction][3], htonl(0xc0000201));
    EXPECT_EQ(seen.key.ifindex, 1U);
}

TEST_P(DatapathParse, EveryFieldOfIpv6) {
    const fst_packet seen = reported_packet(
        Ethernet{} / Ipv6{.hop_limit = 243, .flow_label = 0xabcde, .traffic_class = 0x11} / syn() /
            Payload("x"),
        FST_EVENT_SYN);
    EXPECT_EQ(seen.ttl, 243);
    EXPECT_EQ(seen.flow_label, 0xabcdeU);
    EXPECT_EQ(seen.tos, 0x11);
    EXPECT_EQ(seen.ip_id, 0);
    EXPECT_EQ(seen.ip_bytes, 61U);
    EXPECT_EQ(seen.payload, 1U);
    EXPECT_EQ(seen.flags, FST_PACKET_IPV6 | FST_PACKET_MAC | FST_PACKET_NEW_FLOW);
    EXPECT_EQ(seen.key.address[seen.direction][0], htonl(0x20010db8));
    EXPECT_EQ(seen.key.address[seen.direction][3], htonl(1));
}

/// Loopback, and captures of links without addresses: read in place, or from the copy.
TEST_P(DatapathParse, AnAllZeroSourceAddressIsNone) {
    const std::string none = "00:00:00:00:00:00";
    for (const std::string& mac :
         std::vector<std::string>{none, "00:00:00:00:00:01", "02:00:00:00:00:00"}) {
        const int flag = mac == none ? 0 : FST_PACKET_MAC;
        for (const Packet& link :
             {Packet(Ethernet{.src = mac}), Ethernet{.src = mac} / Vlan{.id = 7}}) {
            for (const Packet& ip : {Packet(Ipv4{}), Packet(Ipv6{})}) {
                const Tcp fin{.src_port = fresh_port(), .flags = Fin | Ack};
                EXPECT_EQ(reported_packet(link / ip / fin, FST_EVENT_FIN).flags & FST_PACKET_MAC,
                          flag)
                    << mac;
            }
        }
    }
}

TEST_P(DatapathParse, Ipv4Options) {
    for (const std::size_t length : {4, 8, 40}) {
        const fst_packet seen =
            reported_packet(Ethernet{} / Ipv4{.options = Bytes(length, 1)} / syn(), FST_EVENT_SYN);
        EXPECT_EQ(seen.l4_offset, 34 + length);
        EXPECT_EQ(seen.payload, 0U);
    }
}

TEST_P(DatapathParse, Fragments) {
    const Payload rest = filler(64);
    EXPECT_NE(
        reported_packet(Ethernet{} / Ipv4{.more_fragments = true} / syn() / rest, FST_EVENT_SYN)
                .flags &
            FST_PACKET_FIRST_FRAGMENT,
        0);
    EXPECT_NE(
        reported_packet(Ethernet{} / Ipv6{} / Fragment{.more = true} / syn() / rest, FST_EVENT_SYN)
                .flags &
            FST_PACKET_FIRST_FRAGMENT,
        0);
    EXPECT_EQ(result_of(Ethernet{} / Ipv4{.fragment_offset = 3} / syn()), FST_COUNT_FRAGMENT);
    for (const std::uint16_t offset : {1, 2}) {
        EXPECT_EQ(result_of(Ethernet{} / Ipv4{.fragment_offset = offset} / syn()),
                  FST_COUNT_SPLIT_HEADER);
    }
    EXPECT_EQ(result_of(Ethernet{} / Ipv6{} / Fragment{.offset = 3} / syn()), FST_COUNT_FRAGMENT);
    EXPECT_EQ(reported_packet(Ethernet{} / Ipv6{} / Fragment{} / syn(), FST_EVENT_SYN).flags &
                  FST_PACKET_FIRST_FRAGMENT,
              0)
        << "an atomic fragment (RFC 6946) is whole";
}

TEST_P(DatapathParse, ExtensionHeaders) {
    const Packet link = Ethernet{} / Ipv6{};
    EXPECT_EQ(reported_packet(link / HopByHop{} / syn(), FST_EVENT_SYN).l4_offset, 62);
    EXPECT_EQ(reported_packet(link / Routing{} / syn(), FST_EVENT_SYN).l4_offset, 62);
    EXPECT_EQ(
        reported_packet(link / DestinationOptions{.options = Bytes(30, 0)} / syn(), FST_EVENT_SYN)
            .l4_offset,
        86);
    EXPECT_EQ(reported_packet(link / HopByHop{} / DestinationOptions{} / Routing{} / Fragment{} /
                                  DestinationOptions{} / syn(),
                              FST_EVENT_SYN)
                  .payload,
              0U);
    Packet deep = link;
    for (int i = 0; i < 16; i++) {
        deep = deep / DestinationOptions{};
    }
    EXPECT_EQ(result_of(deep / syn()), FST_COUNT_TCP);
    EXPECT_EQ(result_of(deep / DestinationOptions{} / DestinationOptions{} / syn()),
              FST_COUNT_TOO_DEEP);
    EXPECT_EQ(result_of(link / HopByHop{} / Udp{} / Payload("1234")), FST_COUNT_NOT_TCP);
    EXPECT_EQ(result_of(link / HopByHop{.length_units = 200} / syn()), FST_COUNT_TOO_DEEP)
        << "the segment is beyond what the parser reads";
}

TEST_P(DatapathParse, ImpossibleLengths) {
    const Tcp tcp = syn();
    EXPECT_EQ(result_of(Ethernet{} / Ipv4{.header_words = 4} / tcp), FST_COUNT_MALFORMED);
    EXPECT_EQ(result_of(Ethernet{} / Ipv4{.version = 5} / tcp), FST_COUNT_MALFORMED);
    EXPECT_EQ(result_of(Ethernet{} / Ipv6{.version = 5} / tcp), FST_COUNT_MALFORMED);
    EXPECT_EQ(result_of(Ethernet{} / Ipv4{.total_length = 19} / tcp), FST_COUNT_MALFORMED);
    EXPECT_EQ(result_of(Ethernet{} / Ipv4{.total_length = 39} / tcp), FST_COUNT_MALFORMED);
    EXPECT_EQ(result_of(Ethernet{} / Ipv6{.payload_length = 19} / tcp), FST_COUNT_MALFORMED);
    for (const TcpFlags flags : {Syn, Ack}) {
        for (const std::uint8_t words : {0, 4, 6, 8, 15}) {
            SCOPED_TRACE(::testing::Message() << int(flags) << ", " << int(words));
            const Tcp inconsistent{.src_port = fresh_port(), .flags = flags, .header_words = words};
            EXPECT_EQ(result_of(Ethernet{} / Ipv4{} / inconsistent), FST_COUNT_MALFORMED);
            EXPECT_EQ(result_of(Ethernet{} / Ipv6{} / inconsistent), FST_COUNT_MALFORMED);
        }
    }
}

/// RFC 1191, section 4; RFC 4443, section 3.2: only "fragmentation needed" and "packet too big" say
/// an MTU; elsewhere the word means something else.
TEST_P(DatapathParse, TheNextHopMtuOfAnIcmpError) {
    struct Case {
        const char* name;
        Packet error;
        std::uint16_t mtu;
        bool v6 = false;
    };
    for (const Case& c : {
             Case{"fragmentation needed", Icmp{.type = 3, .code = 4, .rest = 1400}, 1400},
             Case{"from a router that does not say", Icmp{.type = 3, .code = 4, .rest = 0}, 0},
             Case{"behind an unused half", Icmp{.type = 3, .code = 4, .rest = 0xbeef0240}, 576},
             Case{"prohibited", Icmp{.type = 3, .code = 13, .rest = 1400}, 0},
             Case{"time exceeded, code 4", Icmp{.type = 11, .code = 4, .rest = 1400}, 0},
             Case{"packet too big", Icmpv6{.type = 2, .code = 0, .rest = 1280}, 1280, true},
             Case{"more than 16 bits", Icmpv6{.type = 2, .code = 0, .rest = 0x10000}, 0xffff, true},
             Case{"unreachable", Icmpv6{.type = 1, .code = 4, .rest = 1280}, 0, true},
         }) {
        SCOPED_TRACE(c.name);
        const Packet ours = Ethernet{} / (c.v6 ? Packet(Ipv6{}) : Packet(Ipv4{})) / syn();
        ASSERT_EQ(result_of(ours), FST_COUNT_TCP);
        const Packet router = c.v6 ? Packet(Ipv6{.src = "2001:db8:ff::9", .dst = "2001:db8::1"})
                                   : Packet(Ipv4{.src = "203.0.113.9", .dst = "192.0.2.1"});
        const Quoted quoted(ours, (c.v6 ? 40 : 20) + 8);
        EXPECT_EQ(result_of(Ethernet{} / router / c.error / quoted), FST_COUNT_ICMP_ERROR);
        const SeenEvent* reported = latest_.find(FST_EVENT_ICMP_ERROR);
        ASSERT_NE(reported, nullptr);
        EXPECT_EQ(reported->event.packet.mss, c.mtu);
    }
}

/// The keys represent IPv4 by the mapped prefix: an IPv6 packet with it must not reach those flows.
TEST_P(DatapathParse, MappedAddressesOnTheWire) {
    for (const TcpFlags flags : {Syn, Ack, Rst}) {
        const Ipv6 mapped{.src = "::ffff:192.0.2.1", .dst = "::ffff:198.51.100.7"};
        EXPECT_EQ(result_of(Ethernet{} / mapped / Tcp{.src_port = fresh_port(), .flags = flags}),
                  FST_COUNT_MALFORMED);
    }
}

TEST_P(DatapathParse, PaddingIsNoPayload) {
    const Trailer padding{Bytes(6, 0xaa)};
    EXPECT_EQ(reported_packet(Ethernet{} / Ipv4{} / syn() / padding, FST_EVENT_SYN).payload, 0U);
    EXPECT_EQ(reported_packet(Ethernet{} / Ipv6{} / syn() / padding, FST_EVENT_SYN).payload, 0U);
    Tcp fin = syn();
    fin.flags = Fin | Ack;  // the fast path
    EXPECT_EQ(reported_packet(Ethernet{} / Ipv4{} / fin / padding, FST_EVENT_FIN).payload, 0U);
}

/// Every prefix of every kind of packet: no fault, one count, and a TCP packet as soon as its
/// headers are complete.
TEST_P(DatapathParse, TruncatedAtEveryLength) {
    const auto linux_syn = [] {
        Tcp tcp = syn();
        tcp.options = linux_syn_options(1);
        return tcp;
    };
    const Tcp data{.src_port = fresh_port(), .options = nop_nop_timestamps(1, 2)};
    struct Case {
        Packet packet;
        std::size_t whole;  ///< bytes up to the end of the fixed TCP header
        bool v6;
    };
    for (const Case& c :
         {Case{Ethernet{} / Ipv4{} / linux_syn() / filler(9), 54, false},
          Case{Ethernet{} / Ipv4{} / data / filler(9), 54, false},
          Case{Ethernet{} / Ipv6{} / data / filler(9), 74, true},
          Case{Ethernet{} / Vlan{} / Vlan{} / Ipv4{.options = Bytes(8, 1)} / linux_syn(), 70,
               false},
          Case{Ethernet{} / Ipv6{} / HopByHop{} / Routing{} / Fragment{} / linux_syn(), 98,
               true}}) {
        const Bytes frame = c.packet.bytes();
        for (std::size_t length = watching().min_frame_bytes(hook(), c.v6); length <= frame.size();
             length++) {
            SCOPED_TRACE(length);
            const fst_counter expected = length < c.whole ? FST_COUNT_CUT : FST_COUNT_TCP;
            EXPECT_EQ(result_of(truncated(c.packet, length)), expected);
        }
    }
}

}  // namespace
}  // namespace flowstamp::testing
