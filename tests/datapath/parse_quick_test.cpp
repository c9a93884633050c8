// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The parser reads the most common layout in place and all others from a copy: both must give the
// same result. And the TCP options, in any layout.
#include <cstring>

#include "tests/datapath/fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathOptions : public DatapathTest {
  protected:
    fst_packet reported_packet(const Packet& packet, fst_event_kind kind) {
        watching().advance_ms(60);  // later than a copy of the packet before
        const Outcome outcome = watching().run(hook(), {.bytes = packet.bytes()});
        const SeenEvent* event = outcome.find(kind);
        EXPECT_NE(event, nullptr);
        return event == nullptr ? fst_packet{} : event->event.packet;
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathOptions, ::testing::ValuesIn(every_hook()), case_name);

/// Clears what may differ between the two parsers.
fst_packet comparable(fst_packet packet) {
    packet.time_ns = 0;
    packet.l3_offset = 0;
    packet.l4_offset = 0;
    packet.flags &= static_cast<__u16>(~(FST_PACKET_VLAN | FST_PACKET_NEW_FLOW |
                                         FST_PACKET_RETRANSMITTED | FST_PACKET_DUPLICATE_FRAME));
    return packet;
}

void expect_same(const fst_packet& quick, const fst_packet& slow) {
    const fst_packet a = comparable(quick), b = comparable(slow);
    EXPECT_EQ(std::memcmp(&a, &b, sizeof(a)), 0);
    const auto* x = reinterpret_cast<const std::uint8_t*>(&a);
    const auto* y = reinterpret_cast<const std::uint8_t*>(&b);
    for (std::size_t i = 0; i < sizeof(a); i++) {
        EXPECT_EQ(x[i], y[i]) << "byte " << i << " of fst_packet";
    }
}

/// A FIN takes the fast path, unless it has a VLAN tag, or timestamps at another offset.
TEST_P(DatapathOptions, BothParsersSeeTheSame) {
    const Timestamps stamps{0x11223344, 0x55667788};
    for (const Packet& ip :
         {Packet(Ipv4{.ttl = 3, .id = 0xfffe, .tos = 4}), Packet(Ipv4{.ttl = 255, .df = false}),
          Packet(Ipv6{.flow_label = 0x12345, .traffic_class = 0x80})}) {
        for (const std::size_t payload : {0, 1, 700}) {
            Tcp tcp{.src_port = fresh_port(),
                    .seq = 77,
                    .ack = 99,
                    .flags = Fin | Ack,
                    .window = 12345};
            const Packet bare = payload != 0 ? tcp / filler(payload) : Packet(tcp);
            expect_same(reported_packet(Ethernet{} / ip / bare, FST_EVENT_FIN),
                        reported_packet(Ethernet{} / Vlan{} / ip / bare, FST_EVENT_FIN));
            tcp.src_port = fresh_port();
            tcp.options = nop_nop_timestamps(stamps.val, stamps.ecr);
            const fst_packet quick =
                reported_packet(Ethernet{} / ip / tcp / filler(payload + 1), FST_EVENT_FIN);
            EXPECT_EQ(quick.ts_val, stamps.val);
            EXPECT_EQ(quick.ts_ecr, stamps.ecr);
            expect_same(quick, reported_packet(Ethernet{} / Vlan{} / ip / tcp / filler(payload + 1),
                                               FST_EVENT_FIN));
            tcp.options = {stamps, Nop{}, Nop{}};
            expect_same(
                quick, reported_packet(Ethernet{} / ip / tcp / filler(payload + 1), FST_EVENT_FIN));
        }
    }
}

/// Neither leaves data of an earlier packet in the record.
TEST_P(DatapathOptions, NothingOfAnEarlierPacketStays) {
    const Tcp fin{.src_port = fresh_port(), .flags = Fin | Ack};
    const fst_packet before = reported_packet(Ethernet{} / Ipv4{} / fin, FST_EVENT_FIN);
    reported_packet(
        Ethernet{} / Ipv6{.flow_label = 0xfffff} /
            Tcp{.src_port = fresh_port(), .flags = Syn, .options = linux_syn_options(1)},
        FST_EVENT_SYN);
    watching().run(hook(), {.bytes = (Ethernet{} / Ipv4{.src = "203.0.113.9"} / Icmp{} /
                                      Quoted(Ethernet{} / Ipv4{} / fin))
                                         .bytes()});
    expect_same(reported_packet(Ethernet{} / Ipv4{} / fin, FST_EVENT_FIN), before);
}

TEST_P(DatapathOptions, InAnyOrder) {
    const Timestamps stamps{7, 0};
    struct Case {
        const char* name;
        std::vector<TcpOption> options;
        int flags;
        std::uint16_t mss;
        std::uint8_t wscale;
    };
    constexpr int kAll = FST_PACKET_MSS | FST_PACKET_WSCALE | FST_PACKET_TS | FST_PACKET_SACK;
    for (const Case& c : std::vector<Case>{
             {"Linux", linux_syn_options(7), kAll, 1460, 7},
             {"backwards", {WindowScale{3}, stamps, SackPermitted{}, Mss{1200}}, kAll, 1200, 3},
             {"end of options", {Mss{}, EndOfOptions{}, stamps}, FST_PACKET_MSS, 1460, 0},
             {"only NOPs", std::vector<TcpOption>(40, Nop{}), 0, 0, 0},
             {"a shift past 14", {WindowScale{200}}, FST_PACKET_WSCALE, 0, 14},
             {"MPTCP", {RawOption{.kind = 30, .data = Bytes(10, 1)}}, FST_PACKET_MPTCP, 0, 0},
             {"unknown between",
              {RawOption{.kind = 254, .data = Bytes(4, 9)}, stamps},
              FST_PACKET_TS,
              0,
              0},
             {"length 0",
              {Mss{}, RawOption{.kind = 8, .data = {}, .length = 0}, stamps},
              FST_PACKET_MSS,
              1460,
              0},
             {"length 1",
              {Mss{}, RawOption{.kind = 99, .data = {}, .length = 1}, stamps},
              FST_PACKET_MSS,
              1460,
              0},
             {"past the header",
              {Mss{}, RawOption{.kind = 99, .data = {}, .length = 30}},
              FST_PACKET_MSS,
              1460,
              0},
             {"MSS of 3 bytes", {RawOption{.kind = 2, .data = {1}}, stamps}, FST_PACKET_TS, 0, 0},
             {"timestamps of 9",
              {RawOption{.kind = 8, .data = Bytes(7, 1)}, Mss{}},
              FST_PACKET_MSS,
              1460,
              0},
             {"timestamps cut off by the header",
              {Nop{}, Nop{}, RawOption{.kind = 8, .data = Bytes(4, 1), .length = 10}},
              0,
              0,
              0},
         }) {
        SCOPED_TRACE(c.name);
        const fst_packet seen = reported_packet(
            Ethernet{} / Ipv4{} / Tcp{.src_port = fresh_port(), .flags = Syn, .options = c.options},
            FST_EVENT_SYN);
        constexpr int kOptions = kAll | FST_PACKET_MPTCP;
        EXPECT_EQ(seen.flags & kOptions, c.flags);
        EXPECT_EQ(seen.flags & FST_PACKET_OPTIONS, FST_PACKET_OPTIONS);
        EXPECT_EQ(seen.mss, c.mss);
        EXPECT_EQ(seen.wscale, c.wscale);
        EXPECT_EQ(seen.ts_val, (c.flags & FST_PACKET_TS) != 0 ? 7U : 0U);
    }
}

/// The buffer ends inside the options: flagged, and what is there is read.
TEST_P(DatapathOptions, TruncatedInsideTheOptions) {
    const Packet packet =
        Ethernet{} / Ipv4{} /
        Tcp{.src_port = fresh_port(), .flags = Syn, .options = linux_syn_options(7)};
    const std::uint64_t damaged = watching().counter(FST_COUNT_DAMAGED);
    const Outcome outcome = watching().run(hook(), {.bytes = truncated(packet, 54 + 6)});
    if (hook() != FST_HOOK_TC_EGRESS) {  // shorter than its IP header says: no stack accepts it
        EXPECT_TRUE(outcome.events.empty());
        EXPECT_EQ(watching().counter(FST_COUNT_DAMAGED), damaged + 1);
        return;
    }
    const SeenEvent* event = outcome.find(FST_EVENT_SYN);
    ASSERT_NE(event, nullptr);
    EXPECT_EQ(event->event.packet.flags & (FST_PACKET_CUT | FST_PACKET_MSS | FST_PACKET_TS),
              FST_PACKET_CUT | FST_PACKET_MSS);
}

}  // namespace
}  // namespace flowstamp::testing
