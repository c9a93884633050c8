// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/path_prefilters.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>

#include "user/pathtrace/kernel_matches.h"

namespace flowstamp {
namespace {

struct Packet {
    bool ipv6 = false;
    std::uint8_t protocol = IPPROTO_TCP;
    std::array<std::uint8_t, 16> source{};  ///< IPv4: the first four bytes
    std::array<std::uint8_t, 16> destination{};
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
};

/// Its bytes on the wire, from the IP header on; those that no prefilter may test are not zero.
std::array<std::uint8_t, 48> header(const Packet& packet) {
    std::array<std::uint8_t, 48> bytes{};
    bytes.fill(0xa5);
    const std::size_t addresses = packet.ipv6 ? 8 : 12;
    const std::size_t length = packet.ipv6 ? 16 : 4;
    bytes[packet.ipv6 ? 6 : 9] = packet.protocol;
    std::copy_n(packet.source.begin(), length, bytes.begin() + addresses);
    std::copy_n(packet.destination.begin(), length, bytes.begin() + addresses + length);
    const std::size_t ports = addresses + 2 * length;
    for (const auto& [at, port] :
         {std::pair{ports, packet.source_port}, std::pair{ports + 2, packet.destination_port}}) {
        const std::uint16_t wire = htons(port);
        std::memcpy(&bytes[at], &wire, sizeof(wire));
    }
    return bytes;
}

template <typename Prefilter>
bool fits(const Prefilter& prefilter, const std::uint8_t* bytes) {
    for (std::size_t i = 0; i < std::size(prefilter.mask); i++) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes + i * sizeof(word), sizeof(word));
        if (((word ^ prefilter.value[i]) & prefilter.mask[i]) != 0) {
            return false;
        }
    }
    return true;
}

bool passes(const pathtrace::PathPrefilters& prefilters, const Packet& packet) {
    const auto bytes = header(packet);
    return packet.ipv6
               ? std::ranges::any_of(prefilters.ipv6,
                                     [&](const auto& part) { return fits(part, bytes.data()); })
               : std::ranges::any_of(prefilters.ipv4, [&](const auto& part) {
                     return fits(part, bytes.data() + 8);
                 });
}

pathtrace::PathPrefilters of(const std::string& filter) {
    pathtrace::PathPrefilters all;
    const auto matches = net::packet_matches(filter);
    EXPECT_TRUE(matches) << filter;
    for (const fst_path_match& match : pathtrace::kernel_matches(*matches)) {
        const pathtrace::PathPrefilters part = pathtrace::path_prefilters(match);
        all.ipv4.insert(all.ipv4.end(), part.ipv4.begin(), part.ipv4.end());
        all.ipv6.insert(all.ipv6.end(), part.ipv6.begin(), part.ipv6.end());
    }
    return all;
}

Packet of_protocol(std::uint8_t protocol) {
    Packet packet;
    packet.protocol = protocol;
    return packet;
}

Packet to_port(std::uint16_t port, std::uint8_t protocol = IPPROTO_TCP, bool ipv6 = false) {
    Packet packet = of_protocol(protocol);
    packet.ipv6 = ipv6;
    packet.source_port = 40000;
    packet.destination_port = port;
    return packet;
}

Packet reversed(Packet packet) {
    std::swap(packet.source, packet.destination);
    std::swap(packet.source_port, packet.destination_port);
    return packet;
}

fst_path_match match_of(std::uint8_t protocol, std::uint16_t first_port, std::uint16_t last_port) {
    fst_path_match match{};
    match.protocol = protocol;
    match.source_port[0] = first_port;
    match.source_port[1] = last_port;
    match.destination_port[1] = 65535;
    return match;
}

TEST(PathPrefilters, PortPassesInBothDirectionsAndFamilies) {
    const pathtrace::PathPrefilters prefilters = of("tcp port 443");
    for (const bool ipv6 : {false, true}) {
        EXPECT_TRUE(passes(prefilters, to_port(443, IPPROTO_TCP, ipv6)));
        EXPECT_TRUE(passes(prefilters, reversed(to_port(443, IPPROTO_TCP, ipv6))));
        EXPECT_FALSE(passes(prefilters, to_port(444, IPPROTO_TCP, ipv6)));
        EXPECT_FALSE(passes(prefilters, to_port(443, IPPROTO_UDP, ipv6)));
    }
}

TEST(PathPrefilters, AddressPassesAndItsNeighbourDoesNot) {
    const pathtrace::PathPrefilters prefilters = of("tcp dst port 443 and src host 192.0.2.7");
    Packet packet = to_port(443);
    packet.source = {192, 0, 2, 7};
    EXPECT_TRUE(passes(prefilters, packet));
    EXPECT_FALSE(passes(prefilters, reversed(packet)));
    packet.source[3] = 8;
    EXPECT_FALSE(passes(prefilters, packet));
    EXPECT_TRUE(prefilters.ipv6.empty());
}

TEST(PathPrefilters, Ipv6NetworkComparesOnlyItsBits) {
    const pathtrace::PathPrefilters prefilters = of("dst net 2001:db8:10::/44");
    Packet packet = to_port(9, IPPROTO_UDP, true);
    packet.destination = {0x20, 0x01, 0x0d, 0xb8, 0x00, 0x1f, 0xff};
    EXPECT_TRUE(passes(prefilters, packet));
    packet.destination[5] = 0x20;
    EXPECT_FALSE(passes(prefilters, packet));
    EXPECT_TRUE(prefilters.ipv4.empty());
}

/// More may pass than the range contains, for the match to reject.
TEST(PathPrefilters, EveryPortOfARangePasses) {
    const pathtrace::PathPrefilters prefilters = of("tcp dst portrange 300-700");
    for (std::uint16_t port = 300; port <= 700; port++) {
        EXPECT_TRUE(passes(prefilters, to_port(port))) << port;
    }
    EXPECT_FALSE(passes(prefilters, to_port(1024)));
    EXPECT_TRUE(passes(of("tcp portrange 1-65535"), to_port(65535)));
}

TEST(PathPrefilters, PortsAreNotComparedForProtocolsWithoutPorts) {
    fst_path_match match = match_of(IPPROTO_ICMP, 17, 17);
    EXPECT_TRUE(passes(pathtrace::path_prefilters(match), of_protocol(IPPROTO_ICMP)));
    match.protocol = 0;
    EXPECT_TRUE(passes(pathtrace::path_prefilters(match), of_protocol(IPPROTO_ICMP)));
}

TEST(PathPrefilters, EverythingPassesWithoutConditions) {
    const fst_path_match everything = match_of(0, 0, 65535);
    const pathtrace::PathPrefilters prefilters = pathtrace::path_prefilters(everything);
    EXPECT_TRUE(passes(prefilters, to_port(1, 132)));
    EXPECT_TRUE(passes(prefilters, to_port(1, 132, true)));
}

/// Ports with common prefixes, addresses with common bits: each match against packets close to it.
TEST(PathPrefilters, NoMatchingPacketIsFilteredOut) {
    std::mt19937 random(20261121);
    const auto below = [&](unsigned limit) { return random() % limit; };
    unsigned taken = 0;
    for (int i = 0; i < 20000; i++) {
        const auto first = static_cast<std::uint16_t>(below(65536));
        const auto last = static_cast<std::uint16_t>(first + below(65536U - first));
        fst_path_match match = match_of(IPPROTO_UDP, first, last);
        match.family = 4;
        const std::array<std::uint8_t, 4> address = {10, 0, static_cast<std::uint8_t>(below(4)), 1};
        const std::uint32_t mask = htonl(~0U << below(24));
        match.source[2] = htonl(0xffff);
        match.source_mask[0] = match.source_mask[1] = match.source_mask[2] = ~0U;
        match.source_mask[3] = mask;
        std::memcpy(&match.source[3], address.data(), address.size());
        match.source[3] &= mask;
        Packet packet = of_protocol(IPPROTO_UDP);
        packet.source = {10, 0, static_cast<std::uint8_t>(below(4)), 1};
        packet.source_port = static_cast<std::uint16_t>(first + below(last - first + 1U));
        std::uint32_t source = 0;
        std::memcpy(&source, packet.source.data(), sizeof(source));
        if (((source ^ match.source[3]) & mask) == 0) {
            taken++;
            ASSERT_TRUE(passes(pathtrace::path_prefilters(match), packet)) << first << '-' << last;
        }
    }
    EXPECT_GT(taken, 1000U);
}

}  // namespace
}  // namespace flowstamp
