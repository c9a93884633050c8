// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include "user/net/packet_match.h"

namespace flowstamp {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::SizeIs;

net::PacketMatches matches(const std::string& expression) {
    const auto found = net::packet_matches(expression);
    EXPECT_TRUE(found) << expression << ": " << found.error().message();
    return found.value_or(net::PacketMatches{});
}

net::PacketMatch::Net net(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d,
                          unsigned bits = 32) {
    net::PacketMatch::Net result;
    result.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d};
    result.mask.fill(0xff);
    for (unsigned bit = 96 + bits; bit < 128; bit++) {
        result.mask[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> bit % 8));
    }
    return result;
}

TEST(PacketMatchTest, NoConditionMatchesAll) {
    EXPECT_THAT(matches("").any_of, IsEmpty());
    EXPECT_TRUE(matches("").is_exact);
    EXPECT_THAT(matches("ip or ip6").any_of, SizeIs(2));
}

TEST(PacketMatchTest, APortEitherWayAndInBothFamilies) {
    const net::PacketMatches found = matches("tcp port 10174");
    EXPECT_TRUE(found.is_exact);
    ASSERT_THAT(found.any_of, SizeIs(4));
    for (const std::uint8_t family : {4, 6}) {
        EXPECT_THAT(found.any_of, Contains(net::PacketMatch{.family = family,
                                                            .protocol = IPPROTO_TCP,
                                                            .source_ports = {10174, 10174}}));
        EXPECT_THAT(found.any_of, Contains(net::PacketMatch{.family = family,
                                                            .protocol = IPPROTO_TCP,
                                                            .destination_ports = {10174, 10174}}));
    }
}

/// For IPv6 libpcap also tests for a fragment header; the kernel programs skip those.
TEST(PacketMatchTest, AProtocolInBothFamilies) {
    const net::PacketMatches found = matches("tcp");
    EXPECT_TRUE(found.is_exact);
    ASSERT_THAT(found.any_of, SizeIs(2));
    for (const std::uint8_t family : {4, 6}) {
        EXPECT_THAT(found.any_of,
                    Contains(net::PacketMatch{.family = family, .protocol = IPPROTO_TCP}));
    }
}

TEST(PacketMatchTest, AddressesAndNets) {
    const net::PacketMatches host = matches("src host 192.0.2.1 and udp dst port 53");
    EXPECT_TRUE(host.is_exact);
    ASSERT_THAT(host.any_of, SizeIs(1));
    EXPECT_EQ(host.any_of[0], (net::PacketMatch{.family = 4,
                                                .protocol = IPPROTO_UDP,
                                                .source = net(192, 0, 2, 1),
                                                .destination_ports = {53, 53}}));
    const net::PacketMatches network = matches("dst net 198.51.100.0/25");
    ASSERT_THAT(network.any_of, SizeIs(1));
    EXPECT_EQ(network.any_of[0].destination, net(198, 51, 100, 0, 25));
    const net::PacketMatches v6 = matches("ip6 host 2001:db8::7");
    ASSERT_THAT(v6.any_of, SizeIs(2));
    EXPECT_EQ(v6.any_of[0].family, 6);
    EXPECT_EQ(v6.any_of[0].source.address[15], 7);
    EXPECT_EQ(v6.any_of[0].source.mask[15], 0xff);
}

TEST(PacketMatchTest, Ranges) {
    const net::PacketMatches found = matches("ip and tcp dst portrange 300-65535");
    ASSERT_THAT(found.any_of, SizeIs(1));
    EXPECT_EQ(found.any_of[0].destination_ports, (net::PacketMatch::Ports{300, 65535}));
    EXPECT_TRUE(found.is_exact);
}

/// More matches than the filter accepts, never less.
TEST(PacketMatchTest, ConditionsThatTheKernelCannotCompareAreLeftOut) {
    const net::PacketMatches flags = matches("ip and tcp port 80 and tcp[tcpflags] & tcp-syn != 0");
    EXPECT_FALSE(flags.is_exact);
    EXPECT_THAT(flags.any_of,
                Contains(net::PacketMatch{
                    .family = 4, .protocol = IPPROTO_TCP, .destination_ports = {80, 80}}));
    const net::PacketMatches without = matches("ip and tcp and not port 22");
    EXPECT_FALSE(without.is_exact);
    EXPECT_THAT(without.any_of, Contains(net::PacketMatch{.family = 4, .protocol = IPPROTO_TCP}));
    EXPECT_THAT(matches("greater 100").any_of, IsEmpty());
    EXPECT_FALSE(matches("greater 100").is_exact);
}

TEST(PacketMatchTest, TooManyMatchAll) {
    std::string expression = "port 1";
    for (int port = 2; port < 30; port++) {
        expression += " or port " + std::to_string(port);
    }
    EXPECT_THAT(matches(expression).any_of, IsEmpty());
    EXPECT_FALSE(matches(expression).is_exact);
}

TEST(PacketMatchTest, ReportsWhatIsWrong) {
    const auto wrong = net::packet_matches("tcp prot 80");
    ASSERT_FALSE(wrong);
    EXPECT_NE(wrong.error().message().find("syntax error"), std::string::npos)
        << wrong.error().message();
    EXPECT_FALSE(net::packet_matches("ip and ip6"));
}

}  // namespace
}  // namespace flowstamp
