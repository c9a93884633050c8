// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/anonymize/packet_anonymizer.h"

#include <linux/if_ether.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "flowstamp/protocols.h"
#include "user/net/anonymize/blank_options.h"
#include "user/net/anonymize/header_checksums.h"

namespace flowstamp::net {

namespace {

using PseudoHeader = HeaderChecksums::PseudoHeader;

/// Goes through a packet's headers, from the outermost on. It ends where the next one is not known
/// or not whole: up to there the packet is kept.
class Walk {
  public:
    Walk(std::span<const std::uint8_t> packet, const AddressAnonymizer& anonymizer)
        : before_(packet), bytes_(packet.begin(), packet.end()), anonymizer_(anonymizer) {}

    void ethernet();
    void ip();
    [[nodiscard]] std::vector<std::uint8_t> result() && {
        checksums_.update(before_, bytes_);
        bytes_.resize(at_);
        return std::move(bytes_);
    }

  private:
    [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }
    [[nodiscard]] bool has(std::size_t bytes) const { return bytes <= left(); }
    // Of the header at hand.
    [[nodiscard]] unsigned byte(std::size_t offset) const { return bytes_[at_ + offset]; }
    [[nodiscard]] unsigned word(std::size_t offset) const {
        return byte(offset) << 8 | byte(offset + 1);
    }
    [[nodiscard]] std::span<std::uint8_t> part(std::size_t offset, std::size_t bytes) {
        return std::span(bytes_).subspan(at_ + offset, bytes);
    }
    /// Whether a header of that length is there and was passed.
    bool pass(std::size_t bytes) {
        const bool is_whole = has(bytes);
        at_ += is_whole ? bytes : 0;
        return is_whole;
    }

    void ethertype(unsigned type);
    void mpls();
    void ppp();
    void ip_by_version();
    void ipv4();
    void ipv6();
    bool extension(unsigned& next, std::size_t& length);
    void transport(unsigned protocol, std::size_t addresses_at, std::size_t addresses_bytes,
                   std::size_t length);
    void tcp(const PseudoHeader& pseudo, std::size_t length);
    void udp(const PseudoHeader& pseudo, std::size_t length);
    void icmp(std::optional<PseudoHeader> pseudo, std::size_t length);
    void gre(std::size_t length);
    void gtp();
    /// A checksum of the header at hand, over `length` bytes, as far as they are there.
    void add_checksum(std::size_t field, std::size_t length, std::optional<PseudoHeader> pseudo) {
        checksums_.add({at_ + field, at_, at_ + std::min(length, left()), pseudo});
    }

    std::span<const std::uint8_t> before_;
    std::vector<std::uint8_t> bytes_;
    const AddressAnonymizer& anonymizer_;
    HeaderChecksums checksums_;
    std::size_t at_ = 0;
};

void Walk::ethernet() {
    constexpr std::size_t kMacBytes = 6;
    if (!has(ETH_HLEN)) {
        return;
    }
    anonymizer_.replace_mac(part(0, kMacBytes).first<kMacBytes>());
    anonymizer_.replace_mac(part(kMacBytes, kMacBytes).first<kMacBytes>());
    const unsigned type = word(2 * kMacBytes);
    pass(ETH_HLEN);
    ethertype(type);
}

void Walk::ethertype(unsigned type) {
    while (type == ETH_P_8021Q || type == ETH_P_8021AD || type == FST_ETHERTYPE_QINQ_OLD ||
           type == FST_ETHERTYPE_CISCO_METADATA) {
        const std::size_t bytes = type == FST_ETHERTYPE_CISCO_METADATA ? 8 : 4;
        if (!has(bytes)) {
            return;
        }
        type = word(bytes - 2);
        pass(bytes);
    }
    switch (type) {
        case ETH_P_IP:
        case ETH_P_IPV6:
            return ip();
        case FST_ETHERTYPE_MPLS:
        case FST_ETHERTYPE_MPLS_MULTICAST:
            return mpls();
        case FST_ETHERTYPE_PPPOE:
            return pass(6) ? ppp() : void();
        case FST_ETHERTYPE_TEB:
            return ethernet();
        default:
            return;
    }
}

void Walk::mpls() {
    bool is_bottom = false;
    while (!is_bottom) {
        if (!has(4)) {
            return;
        }
        is_bottom = (byte(2) & 1U) != 0;
        pass(4);
    }
    if (has(4) && byte(0) >> 4 == 0) {  // a pseudowire's control word
        pass(4);
        return ethernet();
    }
    ip_by_version();
}

void Walk::ppp() {
    if (!has(4)) {
        return;
    }
    if (word(0) == FST_PPP_ADDRESS_AND_CONTROL) {
        pass(2);
    }
    if (!has(2)) {
        return;
    }
    const bool is_compressed = (byte(0) & 1U) != 0;
    const unsigned protocol = is_compressed ? byte(0) : word(0);
    if (protocol == FST_PPP_IPV4 || protocol == FST_PPP_IPV6) {
        pass(is_compressed ? 1 : 2);
        ip();
    }
}

void Walk::ip_by_version() {
    if (has(1) && (byte(0) >> 4 == 4 || byte(0) >> 4 == 6)) {
        ip();
    }
}

void Walk::ip() {
    if (has(1)) {
        byte(0) >> 4 == 6 ? ipv6() : ipv4();
    }
}

void Walk::ipv4() {
    constexpr std::size_t kFixed = 20, kAddresses = 12, kAddress = 4, kChecksum = 10;
    const std::size_t header = std::size_t{byte(0) & 0x0fU} * 4;
    if (header < kFixed || !has(header)) {
        return;
    }
    add_checksum(kChecksum, header, std::nullopt);
    anonymizer_.replace_ip(part(kAddresses, kAddress));
    anonymizer_.replace_ip(part(kAddresses + kAddress, kAddress));
    blank_options(part(kFixed, header - kFixed), OptionsOf::ipv4);
    const std::size_t addresses_at = at_ + kAddresses, total = word(2);
    const bool is_later_fragment = (word(6) & 0x1fffU) != 0;
    const unsigned protocol = byte(9);
    pass(header);
    if (!is_later_fragment) {
        transport(protocol, addresses_at, 2 * kAddress, total > header ? total - header : left());
    }
}

void Walk::ipv6() {
    constexpr std::size_t kFixed = 40, kAddresses = 8, kAddress = 16;
    if (!has(kFixed)) {
        return;
    }
    anonymizer_.replace_ip(part(kAddresses, kAddress));
    anonymizer_.replace_ip(part(kAddresses + kAddress, kAddress));
    const std::size_t addresses_at = at_ + kAddresses;
    std::size_t length = word(4) != 0 ? word(4) : left() - kFixed;
    unsigned next = byte(6);
    pass(kFixed);
    while (next == IPPROTO_HOPOPTS || next == IPPROTO_DSTOPTS || next == IPPROTO_ROUTING ||
           next == IPPROTO_AH || next == IPPROTO_FRAGMENT) {
        if (!extension(next, length)) {
            return;
        }
    }
    transport(next, addresses_at, 2 * kAddress, length);
}

/// Whether another header follows it. Segments of a route, and what authenticates addresses, are
/// zeroed.
bool Walk::extension(unsigned& next, std::size_t& length) {
    constexpr std::size_t kLeast = 8, kOptions = 2, kRoute = 4, kAuthentication = 12;
    if (!has(kLeast)) {
        return false;
    }
    const std::size_t units = byte(1);
    const std::size_t bytes = next == IPPROTO_FRAGMENT ? kLeast
                              : next == IPPROTO_AH     ? (units + 2) * 4
                                                       : (units + 1) * 8;
    if (!has(bytes)) {
        return false;
    }
    const bool is_later_fragment = next == IPPROTO_FRAGMENT && (word(2) & 0xfff8U) != 0;
    if (next == IPPROTO_HOPOPTS || next == IPPROTO_DSTOPTS) {
        blank_options(part(kOptions, bytes - kOptions), OptionsOf::ipv6);
    } else if (next != IPPROTO_FRAGMENT) {
        const std::size_t kept = std::min(next == IPPROTO_AH ? kAuthentication : kRoute, bytes);
        std::ranges::fill(part(kept, bytes - kept), 0);
    }
    next = byte(0);
    length -= std::min(length, bytes);
    pass(bytes);
    return !is_later_fragment;
}

void Walk::transport(unsigned protocol, std::size_t addresses_at, std::size_t addresses_bytes,
                     std::size_t length) {
    const PseudoHeader pseudo{addresses_at, addresses_bytes,
                              protocol + static_cast<std::uint32_t>(length)};
    switch (protocol) {
        case IPPROTO_TCP:
            return tcp(pseudo, length);
        case IPPROTO_UDP:
            return udp(pseudo, length);
        case IPPROTO_ICMP:
            return icmp(std::nullopt, length);
        case IPPROTO_ICMPV6:
            return icmp(pseudo, length);
        case IPPROTO_IPIP:
        case IPPROTO_IPV6:
            return ip();
        case IPPROTO_GRE:
            return gre(length);
        default:
            return;
    }
}

/// An ICMP error may quote no more than its first 8 bytes.
void Walk::tcp(const PseudoHeader& pseudo, std::size_t length) {
    constexpr std::size_t kQuoted = 8, kOffset = 12, kChecksum = 16, kFixed = 20;
    if (!has(kQuoted)) {
        return;
    }
    const std::size_t claimed = has(kOffset + 1) ? (byte(kOffset) >> 4) * 4 : 0;
    const std::size_t header = std::min(std::max(claimed, kFixed), left());
    if (header >= kChecksum + 2) {
        add_checksum(kChecksum, std::max(length, header), pseudo);
    }
    if (header > kFixed) {
        blank_options(part(kFixed, header - kFixed), OptionsOf::tcp);
    }
    pass(header);
}

void Walk::udp(const PseudoHeader& pseudo, std::size_t length) {
    constexpr std::size_t kHeader = 8, kChecksum = 6, kTunnel = 8;
    if (!has(kHeader)) {
        return;
    }
    add_checksum(kChecksum, std::max(length, kHeader), pseudo);
    const unsigned port = word(2);
    pass(kHeader);
    if (port == FST_PORT_VXLAN || port == FST_PORT_VXLAN_LINUX) {
        return pass(kTunnel) ? ethernet() : void();
    }
    if (port == FST_PORT_GTP_U) {
        return gtp();
    }
    if (port == FST_PORT_GENEVE && has(kTunnel)) {
        const unsigned type = word(2);
        const std::size_t options = std::size_t{byte(0) & 0x3fU} * 4;
        if (has(kTunnel + options)) {
            std::ranges::fill(part(kTunnel, options), 0);
            pass(kTunnel + options);
            ethertype(type);
        }
    }
}

void Walk::gtp() {
    constexpr std::size_t kHeader = 8, kLongHeader = 12, kNextExtension = 11;
    if (!has(kHeader) || (byte(0) & 0xf0U) != 0x30 || byte(1) != 0xff) {
        return;
    }
    if ((byte(0) & 0x07U) == 0) {
        pass(kHeader);
        return ip_by_version();
    }
    if (!has(kLongHeader)) {
        return;
    }
    unsigned extension = (byte(0) & 0x04U) != 0 ? byte(kNextExtension) : 0;
    pass(kLongHeader);
    while (extension != 0) {
        const std::size_t bytes = has(1) ? byte(0) * 4 : 0;
        if (bytes == 0 || !has(bytes)) {
            return;
        }
        extension = byte(bytes - 1);
        pass(bytes);
    }
    ip_by_version();
}

/// Others than errors may name hosts anywhere.
void Walk::icmp(std::optional<PseudoHeader> pseudo, std::size_t length) {
    constexpr std::size_t kHeader = 8, kChecksum = 2, kTypeToChecksum = 4;
    if (!has(kHeader)) {
        return;
    }
    add_checksum(kChecksum, std::max(length, kHeader), pseudo);
    const unsigned type = byte(0);
    const bool is_error =
        pseudo ? type >= 1 && type <= 4 : type == 3 || type == 4 || type == 11 || type == 12;
    pass(is_error ? kHeader : kTypeToChecksum);
    if (is_error) {
        ip();
    }
}

void Walk::gre(std::size_t length) {
    constexpr std::size_t kFixed = 4, kField = 4;
    if (!has(kFixed)) {
        return;
    }
    const unsigned flags = word(0), type = word(2);
    const auto field = [flags](unsigned bit) { return (flags & bit) != 0 ? kField : 0; };
    if ((flags & 7U) == 1) {
        return type == FST_ETHERTYPE_PPTP && pass(kFixed + kField + field(0x1000) + field(0x0080))
                   ? ppp()
                   : void();
    }
    std::size_t header = kFixed + field(0x8000) + field(0x2000) + field(0x1000);
    if ((flags & 0x4007U) != 0 || !has(header)) {
        return;
    }
    if (field(0x8000) != 0) {
        add_checksum(kFixed, std::max(length, header), std::nullopt);
    }
    if (type == FST_ETHERTYPE_ERSPAN_2) {
        header += field(0x1000) != 0 ? 8 : 0;
        return pass(header) ? ethernet() : void();
    }
    if (type == FST_ETHERTYPE_ERSPAN_3) {
        constexpr std::size_t kErspan = 12, kFlags = 11, kPlatform = 8;
        const bool has_platform = has(header + kErspan) && (byte(header + kFlags) & 1U) != 0;
        return pass(header + kErspan + (has_platform ? kPlatform : 0)) ? ethernet() : void();
    }
    pass(header);
    ethertype(type);
}

}  // namespace

std::vector<std::uint8_t> anonymized_packet(std::span<const std::uint8_t> packet, bool is_ethernet,
                                            const AddressAnonymizer& anonymizer) {
    Walk walk(packet, anonymizer);
    is_ethernet ? walk.ethernet() : walk.ip();
    return std::move(walk).result();
}

}  // namespace flowstamp::net
