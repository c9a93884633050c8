// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/path_prefilters.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace flowstamp::pathtrace {
namespace {

using Address = std::span<const __be32, 4>;
using Ports = std::span<const __u16, 2>;

const __be32 kMappedPrefix = htonl(0xffff);

/// One end (source or destination) of a match.
struct End {
    Address address;
    Address mask;
    Ports ports;
};

/// A header's bytes, and which of their bits are compared.
template <std::size_t words>
struct Pattern {
    std::array<std::uint8_t, words * 8> mask{};
    std::array<std::uint8_t, words * 8> value{};

    void compare(std::size_t at, const void* bits, const void* of, std::size_t count) {
        std::memcpy(&mask[at], bits, count);
        std::memcpy(&value[at], of, count);
    }

    template <typename Prefilter>
    [[nodiscard]] Prefilter as() const {
        Prefilter prefilter{};
        static_assert(sizeof(prefilter.mask) == words * 8);
        std::memcpy(prefilter.mask, mask.data(), mask.size());
        std::memcpy(prefilter.value, value.data(), value.size());
        return prefilter;
    }
};

bool has_ports(std::uint8_t protocol) {
    return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
           protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP;
}

/// The leading bits that all ports of the range share.
std::uint16_t shared_bits(Ports ports) {
    const auto differing = static_cast<std::uint16_t>(ports[0] ^ ports[1]);
    return static_cast<std::uint16_t>(~(std::bit_ceil(differing + 1U) - 1U));
}

template <std::size_t words>
void compare_protocol(Pattern<words>& pattern, std::size_t at, std::uint8_t protocol) {
    const std::uint8_t all = protocol != 0 ? 0xff : 0;
    pattern.compare(at, &all, &protocol, 1);
}

template <std::size_t words>
void compare_port(Pattern<words>& pattern, std::size_t at, std::uint8_t protocol, Ports ports) {
    const std::uint16_t bits = htons(has_ports(protocol) ? shared_bits(ports) : 0);
    const std::uint16_t port = htons(ports[0]);
    pattern.compare(at, &bits, &port, sizeof(port));
}

/// Whether an IPv4 address can match.
bool takes_ipv4(const End& end) {
    return ((end.address[0] & end.mask[0]) | (end.address[1] & end.mask[1]) |
            ((end.address[2] ^ kMappedPrefix) & end.mask[2])) == 0;
}

/// Of bytes 8 to 23: the protocol is the second one, and the addresses follow the checksum.
fst_path_prefilter_ipv4 of_ipv4(std::uint8_t protocol, const End& source, const End& destination) {
    Pattern<2> pattern;
    compare_protocol(pattern, 1, protocol);
    pattern.compare(4, &source.mask[3], &source.address[3], 4);
    pattern.compare(8, &destination.mask[3], &destination.address[3], 4);
    compare_port(pattern, 12, protocol, source.ports);
    compare_port(pattern, 14, protocol, destination.ports);
    return pattern.as<fst_path_prefilter_ipv4>();
}

fst_path_prefilter_ipv6 of_ipv6(std::uint8_t protocol, const End& source, const End& destination) {
    Pattern<6> pattern;
    compare_protocol(pattern, 6, protocol);
    pattern.compare(8, source.mask.data(), source.address.data(), 16);
    pattern.compare(24, destination.mask.data(), destination.address.data(), 16);
    compare_port(pattern, 40, protocol, source.ports);
    compare_port(pattern, 42, protocol, destination.ports);
    return pattern.as<fst_path_prefilter_ipv6>();
}

void add(PathPrefilters& to, const fst_path_match& match, const End& source,
         const End& destination) {
    if (match.family != 6 && takes_ipv4(source) && takes_ipv4(destination)) {
        to.ipv4.push_back(of_ipv4(match.protocol, source, destination));
    }
    if (match.family != 4) {
        to.ipv6.push_back(of_ipv6(match.protocol, source, destination));
    }
}

}  // namespace

PathPrefilters path_prefilters(const fst_path_match& match) {
    const End source{match.source, match.source_mask, match.source_port};
    const End destination{match.destination, match.destination_mask, match.destination_port};
    PathPrefilters found;
    add(found, match, source, destination);
    if (match.both_directions != 0) {
        add(found, match, destination, source);
    }
    return found;
}

}  // namespace flowstamp::pathtrace
