// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The innermost packet is the one that is followed: behind tags, labels, and up to two tunnels.
// What only looks like a tunnel is not followed.
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "tests/datapath/parse_fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathTunnels : public ParseTest {
  protected:
    /// The SYN behind the headers is reported, with its own fields and nothing of theirs.
    void expect_followed(const Packet& headers, bool holds_ethernet, bool v6, int more_flags = 0);
    void expect_not_followed(const Packet& packet, fst_counter expected) {
        const std::uint64_t flows = watching().counter(FST_COUNT_FLOW_NEW);
        EXPECT_EQ(result_of(packet), expected);
        EXPECT_TRUE(latest_.events.empty());
        EXPECT_EQ(watching().counter(FST_COUNT_FLOW_NEW), flows);
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathTunnels, ::testing::ValuesIn(every_hook()), case_name);

constexpr std::uint16_t kVxlan = 4789, kVxlanOfLinux = 8472, kGeneve = 6081, kGtp = 2152;

/// What stands before the innermost packet: from its IP header on, or, of a link, behind Ethernet.
struct Headers {
    const char* name;
    Packet packet;
    bool holds_ethernet = false;
    int flags = 0;  ///< of enum fst_packet_flags, of the packet inside
    /// Counted if they are cut where they would show what they hold; else FST_COUNT_CUT.
    fst_counter untold = FST_COUNT_NOT_TCP;
};

Ipv4 outer4() {
    return {.ttl = 7, .id = 0x1111, .df = true, .tos = 0xb8};
}
Ipv6 outer6() {
    return {.hop_limit = 7, .flow_label = 0x54321, .traffic_class = 0xb8};
}
Packet in_udp(std::uint16_t port) {
    return outer4() / Udp{.dst_port = port};
}

std::vector<Headers> tunnels() {
    return {
        {"IP in IPv4", outer4()},
        {"IP in IPv6", outer6()},
        {"IP in IPv6 with options", outer6() / DestinationOptions{}},
        {"GRE", outer4() / Gre{}},
        {"GRE with a key", outer4() / Gre{.key = 7}},
        {"GRE with all fields", outer4() / Gre{.checksum = true, .key = 7, .sequence = 9}},
        {"GRE over IPv6", outer6() / Gre{}},
        {"GRE with MPLS", outer4() / Gre{} / Mpls{}},
        {"GRE with Ethernet", outer4() / Gre{.sequence = 9}, true},
        {"GRE with a tag", outer4() / Gre{} / Ethernet{} / Vlan{}, false, FST_PACKET_VLAN},
        {"PPTP", outer4() / Pptp{.sequence = 1} / Ppp{}},
        {"PPTP that acknowledges", outer4() / Pptp{.sequence = 1, .acknowledgment = 1} / Ppp{}},
        {"PPTP with compressed PPP", outer4() / Pptp{} / Ppp{.compressed = true}},
        {"PPTP with PPP's address", outer4() / Pptp{.sequence = 1} / Ppp{.address_control = true}},
        {"ERSPAN I", outer4() / Gre{.protocol = 0x88be}, true},
        {"ERSPAN II", outer4() / Gre{.sequence = 5} / Erspan2{}, true},
        {"ERSPAN III", outer4() / Gre{.sequence = 5} / Erspan3{}, true},
        {"ERSPAN III, platform", outer4() / Gre{.sequence = 5} / Erspan3{.platform = true}, true},
        {"VXLAN", in_udp(kVxlan) / Vxlan{.vni = 0xffffff}, true},
        {"VXLAN over IPv6", outer6() / Udp{.dst_port = kVxlan} / Vxlan{}, true},
        {"VXLAN, Linux's port", in_udp(kVxlanOfLinux) / Vxlan{}, true},
        {"Geneve", in_udp(kGeneve) / Geneve{}, true},
        {"Geneve with options", in_udp(kGeneve) / Geneve{.options = Bytes(12, 0xff)}, true},
        {"Geneve with IP", in_udp(kGeneve) / Geneve{.options = Bytes(4, 0xff)}},
        {"GTP-U", in_udp(kGtp) / Gtp{}},
        {"GTP-U with optional fields", in_udp(kGtp) / Gtp{.sequence = 3}},
        {"GTP-U with an extension", in_udp(kGtp) / Gtp{.extensions = {Bytes{0, 9}}}},
        {"GTP-U with three extensions",
         in_udp(kGtp) / Gtp{.sequence = 3, .extensions = {Bytes{0, 9}, Bytes(6, 1), Bytes{2}}}},
    };
}

/// Behind Ethernet.
std::vector<Headers> links() {
    constexpr int kTagged = FST_PACKET_VLAN;
    return {
        {"a tag", Vlan{}, false, kTagged},
        {"four tags", Vlan{} / Vlan{} / Packet(Vlan{}) / Vlan{}, false, kTagged},
        {"the old EtherType of a service tag", Vlan{.tpid = 0x9100} / Vlan{}, false, kTagged},
        {"0x9100 alone", Vlan{.tpid = 0x9100}, false, kTagged},
        {"one label", Mpls{}},
        {"three labels", Mpls{} / Mpls{.label = 0xfffff} / Packet(Mpls{})},
        {"a label behind a tag", Vlan{} / Mpls{}, false, kTagged},
        {"a pseudowire", Mpls{} / Mpls{} / Packet(ControlWord{}), true, 0, FST_COUNT_NOT_IP},
        {"a TrustSec tag", GroupTag{.group = 7}},
        {"a TrustSec tag behind a tag", Vlan{} / GroupTag{}, false, kTagged},
        {"PPPoE", Pppoe{} / Ppp{}},
        {"PPPoE behind a tag", Vlan{} / Pppoe{} / Packet(Ppp{}), false, kTagged},
        {"PPPoE with compressed PPP", Pppoe{} / Ppp{.compressed = true}},
    };
}

Packet labels(int count) {
    Packet stack = Ethernet{};
    for (int i = 0; i < count; i++) {
        stack = stack / Mpls{};
    }
    return stack;
}

/// As in a flow's key.
std::array<__be32, 4> key_words(const std::string& address, bool v6) {
    std::array<__be32, 4> words{};
    if (v6) {
        inet_pton(AF_INET6, address.c_str(), words.data());
    } else {
        words[2] = htonl(0xffff);
        inet_pton(AF_INET, address.c_str(), &words[3]);
    }
    return words;
}

void DatapathTunnels::expect_followed(const Packet& headers, bool holds_ethernet, bool v6,
                                      int more_flags) {
    const std::string source = v6 ? "2001:db8:50::5" : "203.0.113.5";
    const std::string destination = v6 ? "2001:db8:80::80" : "203.0.113.80";
    const Tcp tcp{.src_port = fresh_port(),
                  .dst_port = 8443,
                  .seq = 0x01020304,
                  .flags = Syn,
                  .window = 4321};
    const Packet segment =
        (v6 ? Packet(Ipv6{.src = source, .dst = destination, .hop_limit = 33, .flow_label = 0xabc})
            : Packet(
                  Ipv4{.src = source, .dst = destination, .ttl = 33, .id = 0x4321, .df = false})) /
        tcp;
    const Packet whole =
        headers / (holds_ethernet ? Ethernet{.src = "00:00:5e:00:53:aa"} / segment : segment);
    const std::size_t at = whole.bytes().size() - segment.bytes().size();
    const fst_packet seen = reported_packet(whole, FST_EVENT_SYN);
    if (latest_.events.empty()) {
        return;  // already a failure
    }
    EXPECT_EQ(seen.l3_offset, at);
    EXPECT_EQ(seen.l4_offset, at + (v6 ? 40 : 20));
    const int from = seen.direction & 1;
    EXPECT_TRUE(std::ranges::equal(seen.key.address[from], key_words(source, v6)));
    EXPECT_TRUE(std::ranges::equal(seen.key.address[from ^ 1], key_words(destination, v6)));
    EXPECT_EQ(seen.key.port[from], htons(tcp.src_port));
    EXPECT_EQ(seen.key.port[from ^ 1], htons(8443));
    EXPECT_EQ(seen.seq, 0x01020304U);
    EXPECT_EQ(seen.window, 4321);
    EXPECT_EQ(seen.tcp_flags, Syn);
    EXPECT_EQ(seen.ttl, 33);
    EXPECT_EQ(seen.tos, 0);
    EXPECT_EQ(seen.ip_id, v6 ? 0 : 0x4321);
    EXPECT_EQ(seen.flow_label, v6 ? 0xabcU : 0U);
    EXPECT_EQ(seen.ip_bytes, segment.bytes().size());
    EXPECT_EQ(seen.payload, 0U);
    EXPECT_EQ(int(seen.flags),
              FST_PACKET_MAC | FST_PACKET_NEW_FLOW | more_flags | (v6 ? FST_PACKET_IPV6 : 0));
    EXPECT_EQ(seen.src_mac[5], holds_ethernet ? 0xaa : 0x01);
}

TEST_P(DatapathTunnels, TheInnerPacketIsFollowed) {
    for (const Headers& tunnel : tunnels()) {
        for (const bool v6 : {false, true}) {
            SCOPED_TRACE(::testing::Message() << tunnel.name << ", " << v6);
            expect_followed(Ethernet{} / tunnel.packet, tunnel.holds_ethernet, v6, tunnel.flags);
        }
    }
}

TEST_P(DatapathTunnels, BehindTagsLabelsAndPppoe) {
    for (const Headers& link : links()) {
        for (const bool v6 : {false, true}) {
            SCOPED_TRACE(::testing::Message() << link.name << ", " << v6);
            expect_followed(Ethernet{} / link.packet, link.holds_ethernet, v6, link.flags);
        }
    }
}

TEST_P(DatapathTunnels, TagsAndLabelsHaveALimit) {
    const Packet segment = Ipv4{} / Tcp{.src_port = fresh_port(), .flags = Syn};
    expect_followed(labels(6), false, false);
    expect_not_followed(labels(7) / segment, FST_COUNT_TOO_DEEP);
    Packet tags = Ethernet{};
    for (int i = 0; i < 5; i++) {
        tags = tags / Vlan{.tpid = 0x9100};
    }
    expect_not_followed(tags / segment, FST_COUNT_TOO_DEEP);
}

TEST_P(DatapathTunnels, TwoTunnelsAreFollowed) {
    const std::vector<Headers> kinds = tunnels();
    for (const Headers& outer : kinds) {
        for (const Headers& inner : kinds) {
            SCOPED_TRACE(::testing::Message() << inner.name << " in " << outer.name);
            const Packet between = outer.holds_ethernet ? Ethernet{} / inner.packet : inner.packet;
            expect_followed(Ethernet{} / outer.packet / between, inner.holds_ethernet, false,
                            outer.flags | inner.flags);
        }
    }
}

/// PPPoE is one of them. A datagram in two tunnels is not looked into.
TEST_P(DatapathTunnels, ThreeTunnelsAreTooMany) {
    const Packet segment = Ipv4{} / Tcp{.src_port = fresh_port(), .flags = Syn};
    const Packet vxlan = in_udp(kVxlan) / Vxlan{} / Packet(Ethernet{});
    for (const Packet& third : {Packet(outer4()), outer4() / Gre{}, Packet(outer6()),
                                outer4() / Pptp{.sequence = 1} / Packet(Ppp{})}) {
        for (const Packet& two :
             {Packet(outer4()) / outer4(), outer4() / Gre{} / Packet(outer6()) / Gre{},
              vxlan / outer4(), vxlan / outer4() / Gre{}}) {
            expect_not_followed(Ethernet{} / two / third / segment, FST_COUNT_TOO_DEEP);
        }
        expect_not_followed(Ethernet{} / Pppoe{} / Packet(Ppp{}) / outer4() / third / segment,
                            FST_COUNT_TOO_DEEP);
    }
    expect_not_followed(Ethernet{} / Packet(outer4()) / outer4() / outer4() / Udp{} / filler(40),
                        FST_COUNT_NOT_TCP);
}

/// Each differs from a tunnel in one field; behind it is all that would be followed.
TEST_P(DatapathTunnels, WhatOnlyLooksLikeATunnel) {
    const Packet segment = Ipv4{} / Tcp{.src_port = fresh_port(), .flags = Syn};
    const Packet frame = Ethernet{} / segment;
    struct Case {
        const char* name;
        Packet packet;
    };
    for (const Case& c : std::vector<Case>{
             {"VXLAN without a VNI", in_udp(kVxlan) / Vxlan{.flags = 0} / frame},
             {"VXLAN with another last byte", in_udp(kVxlan) / Vxlan{.reserved = 1} / frame},
             {"VXLAN to another port", in_udp(kVxlan + 1) / Vxlan{} / frame},
             {"VXLAN from its port",
              outer4() / Udp{.src_port = kVxlan, .dst_port = 53} / Vxlan{} / frame},
             {"VXLAN's port, a few bytes", in_udp(kVxlan) / Payload("\x08 12345")},
             {"Geneve of another version", in_udp(kGeneve) / Geneve{.version = 1} / frame},
             {"GTP, an echo", in_udp(kGtp) / Gtp{.type = 1} / segment},
             {"GTP of another version", in_udp(kGtp) / Gtp{.version = 2} / segment},
             {"GRE with a source route", outer4() / Gre{.more_flags = 0x4000} / segment},
             {"GRE of version 2", outer4() / Gre{.more_flags = 2} / segment},
             {"GRE of version 1, not PPTP", outer4() / Gre{.more_flags = 1} / segment},
             {"PPTP, only an acknowledgment", Packet(outer4()) / Pptp{.acknowledgment = 4}},
         }) {
        SCOPED_TRACE(c.name);
        expect_not_followed(Ethernet{} / c.packet, FST_COUNT_NOT_TCP);
    }
}

TEST_P(DatapathTunnels, ATunnelWithoutIp) {
    const Packet arp = Ethernet{.type = 0x0806} / Payload(Bytes(46));
    expect_not_followed(Ethernet{} / in_udp(kVxlan) / Vxlan{} / arp, FST_COUNT_NOT_IP);
    expect_not_followed(Ethernet{} / outer4() / Packet(Gre{.protocol = 0x0806}) / filler(28),
                        FST_COUNT_NOT_IP);
    expect_not_followed(Ethernet{} / Pppoe{} / Packet(Ppp{}) / filler(28), FST_COUNT_NOT_IP);
    expect_not_followed(Ethernet{} / in_udp(kGtp) / Gtp{} / Payload(Bytes(40)), FST_COUNT_NOT_IP);
    const Packet datagram = Ipv4{} / Udp{} / Packet(filler(40));
    expect_not_followed(Ethernet{} / in_udp(kVxlan) / Vxlan{} / Ethernet{} / datagram,
                        FST_COUNT_NOT_TCP);
}

TEST_P(DatapathTunnels, FourExtensionsOfGtpAreTooMany) {
    const Packet gtp = in_udp(kGtp) / Gtp{.extensions = std::vector<Bytes>(4, Bytes{0, 9})};
    expect_not_followed(Ethernet{} / gtp / Ipv4{} / Tcp{.src_port = fresh_port(), .flags = Syn},
                        FST_COUNT_TOO_DEEP);
}

/// Only the first fragment of the outer packet holds the inner headers.
TEST_P(DatapathTunnels, FragmentsOfTheOuterPacket) {
    const Tcp syn{.src_port = fresh_port(), .flags = Syn};
    Ipv4 fragment = outer4();
    fragment.fragment_offset = 3;
    expect_not_followed(Ethernet{} / fragment / Packet(Ipv4{}) / syn, FST_COUNT_FRAGMENT);
    fragment.fragment_offset = 0;
    fragment.more_fragments = true;
    EXPECT_EQ(reported_packet(Ethernet{} / fragment / Packet(Ipv4{}) / syn, FST_EVENT_SYN).flags &
                  FST_PACKET_FIRST_FRAGMENT,
              0)
        << "the inner packet is none";
}

/// At every length that ends before the inner TCP header does: no flow, and no fault.
TEST_P(DatapathTunnels, TruncatedAtEveryLength) {
    std::vector<Headers> all = tunnels();
    const std::vector<Headers> more = links();
    all.insert(all.end(), more.begin(), more.end());
    for (const Headers& headers : all) {
        const Packet segment = Ipv4{} / Tcp{.src_port = fresh_port(), .flags = Syn};
        const Packet whole =
            Ethernet{} / headers.packet / (headers.holds_ethernet ? Ethernet{} / segment : segment);
        const Bytes frame = whole.bytes();
        const bool v6 = frame.at(12) == 0x86 && frame.at(13) == 0xdd;
        const std::uint64_t flows = watching().counter(FST_COUNT_FLOW_NEW);
        const auto uncounted = [&] {
            return watching().counter(FST_COUNT_CUT) + watching().counter(headers.untold);
        };
        for (std::size_t length = watching().min_frame_bytes(hook(), v6); length < frame.size();
             length++) {
            SCOPED_TRACE(::testing::Message() << headers.name << ", " << length);
            const std::uint64_t before = uncounted();
            const Outcome outcome = watching().run(hook(), {.bytes = truncated(whole, length)});
            EXPECT_TRUE(outcome.events.empty());
            EXPECT_EQ(uncounted(), before + 1);
        }
        EXPECT_EQ(watching().counter(FST_COUNT_FLOW_NEW), flows);
        EXPECT_EQ(result_of(frame), FST_COUNT_TCP) << headers.name;
        EXPECT_EQ(watching().counter(FST_COUNT_FLOW_NEW), flows + 1);
    }
}

/// A capture of both sides of a tunnel's end sees a packet in the tunnel and without it. Live, anyone
/// can put a packet into a tunnel that leads nowhere: it is no packet of the flow outside.
TEST_P(DatapathTunnels, InsideAndOutsideATunnelIsOneFlowInACapture) {
    for (const bool replaying : {true, false}) {
        SCOPED_TRACE(replaying);
        const auto rig = fresh({.replaying = replaying, .max_flows = 64});
        const Packet segment =
            Ipv4{.id = 77} / Tcp{.src_port = 4711, .seq = 5, .flags = Syn, .window = 100};
        rig->run(hook(), {.bytes = (Ethernet{} / segment).bytes()});
        const Outcome inside = rig->run(
            hook(),
            {.bytes = (Ethernet{} / in_udp(kVxlan) / Vxlan{} / Ethernet{} / segment).bytes()});
        EXPECT_EQ(inside.events.empty(), replaying) << "the same packet once more";
        EXPECT_EQ(rig->counter(FST_COUNT_FLOW_NEW), replaying ? 1U : 2U);
    }
}

}  // namespace
}  // namespace flowstamp::testing
