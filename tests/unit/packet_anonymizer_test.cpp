// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// A packet that is built with one set of addresses becomes the one that is built with the others.
#include "user/net/anonymize/packet_anonymizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/support/anonymizing.h"
#include "tests/support/packet.h"
#include "tests/support/packet_view.h"
#include "user/net/anonymize/text_anonymizer.h"

namespace flowstamp::testing {
namespace {

/// What names hosts in a packet, as it is or afterwards.
class Names {
  public:
    explicit Names(const net::AddressAnonymizer* anonymizer) : anonymizer_(anonymizer) {}
    std::string operator()(const char* address) const {
        return anonymizer_ == nullptr ? address : net::anonymized_text(address, *anonymizer_);
    }
    [[nodiscard]] Ethernet ethernet() const {
        return {.src = (*this)("00:00:5e:00:53:01"), .dst = (*this)("00:00:5e:00:53:02")};
    }
    [[nodiscard]] Ipv4 v4() const {
        return {.src = (*this)("192.0.2.1"), .dst = (*this)("198.51.100.7")};
    }
    [[nodiscard]] Ipv4 outer_v4() const {
        return {.src = (*this)("203.0.113.1"), .dst = (*this)("203.0.113.2")};
    }
    [[nodiscard]] Ipv6 v6() const {
        return {.src = (*this)("2001:db8::1"), .dst = (*this)("2001:db8:7::7")};
    }

  private:
    const net::AddressAnonymizer* anonymizer_;
};

using Make = std::function<Packet(const Names&)>;

const Tcp kTcp{.seq = 7, .flags = Psh | Ack, .options = nop_nop_timestamps(1, 2)};

class PacketAnonymizer : public ::testing::Test {
  protected:
    /// Of several keys, as a checksum's end-around carry depends on the addresses.
    static void expect_same(const Make& make, std::size_t cut = 0) {
        for (std::uint8_t key = 0; key < 50; key++) {
            const auto anonymizer = anonymizer_of(key);
            Bytes before = make(Names(nullptr)).bytes(), wanted = make(Names(&anonymizer)).bytes();
            before.resize(before.size() - cut);
            wanted.resize(wanted.size() - cut);
            EXPECT_EQ(net::anonymized_packet(before, true, anonymizer), wanted) << int{key};
        }
    }
    static Bytes after(const Packet& packet) {
        return net::anonymized_packet(packet.bytes(), true, anonymizer_of(1));
    }
};

TEST_F(PacketAnonymizer, ReplacesAddressesAndUpdatesChecksums) {
    expect_same([](const Names& of) { return of.ethernet() / of.v4() / kTcp; });
    expect_same([](const Names& of) { return of.ethernet() / of.v6() / kTcp; });
    expect_same([](const Names& of) {
        return of.ethernet() / Vlan{.id = 3} / Vlan{.id = 4} / of.v4() / kTcp;
    });
}

TEST_F(PacketAnonymizer, KnowsTheChecksumOfWhatIsCut) {
    for (const std::size_t data : {500U, 501U}) {
        expect_same(
            [data](const Names& of) { return of.ethernet() / of.v6() / kTcp / filler(data); },
            data);
    }
}

/// What was not filled in, or not wholly, or is wrong, is so afterwards.
TEST_F(PacketAnonymizer, LeavesChecksumsAsRightOrAsWrong) {
    for (const Checksum& checksum :
         {Checksum(Checksum::Partial), Checksum(Checksum::Wrong), Checksum(std::uint16_t{0})}) {
        Tcp tcp = kTcp;
        tcp.checksum = checksum;
        const Bytes before = (Ethernet{} / Ipv4{} / tcp).bytes(),
                    now = after(Ethernet{} / Ipv4{} / tcp);
        const auto was = view_tcp(before), is = view_tcp(now);
        ASSERT_TRUE(was && is);
        EXPECT_TRUE(is->ip_checksum_ok);
        EXPECT_FALSE(is->checksum_ok);
        EXPECT_EQ(is->checksum_partial, was->checksum_partial);
        EXPECT_EQ(is->checksum == 0, was->checksum == 0);
    }
    const Bytes now = after(Ethernet{} / Ipv4{.checksum = Checksum::Wrong} / kTcp);
    EXPECT_FALSE(view_tcp(now)->ip_checksum_ok);
    EXPECT_TRUE(view_tcp(now)->checksum_ok);
    const Bytes unset = after(Ethernet{} / Ipv4{.checksum = std::uint16_t{0}} / kTcp);
    EXPECT_EQ(unset[14 + 10] | unset[14 + 11], 0);
}

TEST_F(PacketAnonymizer, ReplacesWhatIsInTunnels) {
    const Packet none = Ethernet{};
    const std::vector<std::function<Packet(const Names&)>> tunnels = {
        [](const Names& of) { return of.outer_v4() / of.v4(); },
        [](const Names& of) { return of.outer_v4() / of.v6(); },
        [](const Names& of) { return of.outer_v4() / Gre{.checksum = true, .key = 5} / of.v4(); },
        [](const Names& of) {
            return of.outer_v4() / Udp{.dst_port = 4789} / Vxlan{} / of.ethernet() / of.v4();
        },
        [](const Names& of) { return of.v6() / Udp{.dst_port = 6081} / Geneve{} / of.v4(); },
        [](const Names& of) {
            return of.outer_v4() / Udp{.dst_port = 2152} / Gtp{.sequence = 1} / of.v4();
        },
        [](const Names& of) {
            return of.outer_v4() / Gre{.sequence = 1} / Erspan2{} / of.ethernet() / of.v4();
        },
        [](const Names& of) {
            return of.outer_v4() / Gre{} / Erspan3{.platform = true} / of.ethernet() / of.v4();
        },
        [](const Names& of) { return of.outer_v4() / Pptp{.sequence = 1} / Ppp{} / of.v4(); },
        [](const Names& of) { return Pppoe{} / Ppp{.compressed = true} / of.v4(); },
        [](const Names& of) { return Mpls{} / Mpls{} / of.v6(); },
        [](const Names& of) { return Mpls{} / ControlWord{} / of.ethernet() / of.v6(); },
        [](const Names& of) { return GroupTag{} / of.v4(); },
    };
    for (const auto& tunnel : tunnels) {
        SCOPED_TRACE(&tunnel - tunnels.data());
        expect_same([&](const Names& of) { return of.ethernet() / tunnel(of) / kTcp; });
    }
}

TEST_F(PacketAnonymizer, ReplacesWhatIcmpErrorsQuote) {
    for (const std::size_t bytes : {28U, 40U}) {
        expect_same([bytes](const Names& of) {
            return of.ethernet() / of.outer_v4() / Icmp{} / Quoted(of.v4() / Tcp{.seq = 7}, bytes);
        });
        expect_same([bytes](const Names& of) {
            return of.ethernet() / of.v6() / Icmpv6{} / Quoted(of.v6() / Tcp{.seq = 7}, bytes + 20);
        });
    }
}

/// Routes, home addresses and what load balancers add; what TCP needs stays.
TEST_F(PacketAnonymizer, BlanksOptionsThatMayNameHosts) {
    const std::string secret = ip_bytes("192.0.2.55");
    const Bytes address(secret.begin(), secret.end());
    Bytes route = {7, 7, 4};
    route.insert(route.end(), address.begin(), address.end());
    Tcp tcp{.flags = Syn, .options = linux_syn_options(1)};
    tcp.options.push_back(RawOption{.kind = 254, .data = address});
    Bytes add_address = {0x30, 1};
    add_address.insert(add_address.end(), address.begin(), address.end());
    tcp.options.push_back(RawOption{.kind = 30, .data = add_address});
    Bytes home = {201, 4};
    home.insert(home.end(), address.begin(), address.end());
    Bytes segments(16);
    std::ranges::copy(address, segments.begin());
    for (const Packet& packet : {Ethernet{} / Ipv4{.options = route} / tcp,
                                 Ethernet{} / Ipv6{} / HopByHop{} / Routing{.data = segments} /
                                     DestinationOptions{.options = home} / tcp}) {
        const Bytes before = packet.bytes(), now = after(packet);
        const auto is_there = [&](const Bytes& bytes) {
            return std::string(bytes.begin(), bytes.end()).find(secret) != std::string::npos;
        };
        EXPECT_TRUE(is_there(before));
        EXPECT_FALSE(is_there(now));
        ASSERT_EQ(now.size(), before.size());
        const auto view = view_tcp(now);
        ASSERT_TRUE(view);
        EXPECT_TRUE(view->checksum_ok);
        EXPECT_TRUE(view->ip_checksum_ok);
        const Bytes options = encode(tcp.options);
        EXPECT_TRUE(std::equal(options.begin(), options.begin() + 22, view->options.begin()))
            << "kinds, and what says nothing of hosts";
        EXPECT_EQ(view->options[20], 254);
        EXPECT_EQ(view->options[26], 30);
        EXPECT_EQ(view->options[28], 0x30) << "an address is added";
    }
}

/// Nobody can say which addresses stand there.
TEST_F(PacketAnonymizer, CutsOffWhatItDoesNotKnow) {
    EXPECT_EQ(after(Ethernet{} / Ipv4{} / kTcp / filler(100)).size(), 14U + 20 + 32);
    EXPECT_EQ(after(Ethernet{.type = 0x0806} / filler(28)).size(), 14U) << "ARP";
    EXPECT_EQ(after(Ethernet{} / Ipv4{} / Udp{} / filler(100)).size(), 14U + 20 + 8);
    EXPECT_EQ(after(Ethernet{} / Ipv4{.protocol = 50} / filler(100)).size(), 14U + 20) << "ESP";
    EXPECT_EQ(after(Ethernet{} / Ipv4{.fragment_offset = 3, .protocol = 6} / filler(64)).size(),
              14U + 20);
    EXPECT_EQ(after(Ethernet{} / Ipv4{} / Icmp{.type = 5} / filler(64)).size(), 14U + 20 + 4)
        << "a redirect names a router";
}

/// Also where it is cut anywhere, or damaged.
TEST_F(PacketAnonymizer, LeavesNoHalfAnAddress) {
    const auto anonymizer = anonymizer_of(1);
    const Bytes whole =
        (Ethernet{} / Ipv6{} / Udp{.dst_port = 4789} / Vxlan{} / Ethernet{} / Ipv4{} / kTcp)
            .bytes();
    const Bytes wanted = net::anonymized_packet(whole, true, anonymizer);
    for (std::size_t size = 0; size <= whole.size(); size++) {
        const Bytes now = net::anonymized_packet(std::span(whole).first(size), true, anonymizer);
        ASSERT_LE(now.size(), size);
        const auto [differs, in_whole] = std::ranges::mismatch(now, wanted);
        EXPECT_TRUE(differs == now.end() || in_whole - wanted.begin() >= 14 + 40) << size;
    }
    for (std::size_t at = 0; at < whole.size(); at++) {
        for (const std::uint8_t wrong : {0x00, 0x0f, 0x46, 0x60, 0xff}) {
            Bytes damaged = whole;
            damaged[at] = wrong;
            EXPECT_LE(net::anonymized_packet(damaged, true, anonymizer).size(), whole.size());
        }
    }
}

TEST_F(PacketAnonymizer, BeginsWithIpWhereThereIsNoEthernet) {
    const auto anonymizer = anonymizer_of(1);
    const Packet packet = Ethernet{} / Ipv4{} / kTcp;
    const Bytes bytes = packet.bytes(), with_link = after(packet);
    EXPECT_EQ(net::anonymized_packet(std::span(bytes).subspan(14), false, anonymizer),
              Bytes(with_link.begin() + 14, with_link.end()));
}

}  // namespace
}  // namespace flowstamp::testing
