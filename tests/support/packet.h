// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Packets for tests, built by composition, the outermost layer first:
//
//     Packet p = Ethernet{} / Ipv4{.ttl = 61} / Tcp{.seq = 1000, .flags = Rst | Ack};
//     std::vector<std::uint8_t> frame = p.bytes();
//
// Lengths, types and checksums are filled in; a field that is set explicitly is written as given,
// valid or not. Fields are in host order; addresses are text, by default from the documentation
// ranges (RFC 5737, RFC 3849, RFC 7042).
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "tests/support/checksum.h"
#include "tests/support/tcp_options.h"

namespace flowstamp::testing {

/// What to write into a checksum field.
class Checksum {
  public:
    enum Kind {
        Correct,
        Partial,  ///< the sum of the pseudo header alone, as in a packet marked CHECKSUM_PARTIAL
        Wrong,    ///< the correct one with a bit flipped
        Given,
    };
    constexpr Checksum() = default;
    constexpr Checksum(Kind kind) : kind_(kind) {}
    constexpr Checksum(std::uint16_t value) : kind_(Given), value_(value) {}

    /// The value for the field. `sum` is the ones_sum() of the covered data with this field as 0;
    /// `pseudo_header` is the part of it that comes from the pseudo header.
    std::uint16_t value(std::uint16_t sum, std::uint16_t pseudo_header) const;

  private:
    Kind kind_ = Correct;
    std::uint16_t value_ = 0;
};

struct Ethernet {
    std::string src = "00:00:5e:00:53:01";
    std::string dst = "00:00:5e:00:53:02";
    std::optional<std::uint16_t> type{};  ///< EtherType; unset: that of the next layer
};

/// An 802.1Q tag. A tag that contains another one is 802.1ad (QinQ) unless `tpid` is set.
struct Vlan {
    std::uint16_t id = 1;  ///< 12 bits
    std::uint8_t priority = 0;
    std::optional<std::uint16_t> tpid{};  ///< the EtherType announcing this tag
    std::optional<std::uint16_t> type{};  ///< the EtherType of the tag's contents
};

/// RFC 791.
struct Ipv4 {
    std::string src = "192.0.2.1";
    std::string dst = "198.51.100.7";
    std::uint8_t ttl = 64;
    std::uint16_t id = 0;
    bool df = true;
    bool more_fragments = false;
    std::uint16_t fragment_offset = 0;  ///< in units of 8 bytes
    std::uint8_t tos = 0;
    Bytes options{};                              ///< padded with zeros to a multiple of 4
    std::optional<std::uint8_t> protocol{};       ///< unset: that of the next layer
    std::optional<std::uint8_t> header_words{};   ///< IHL, in units of 4 bytes
    std::optional<std::uint16_t> total_length{};  ///< bytes
    Checksum checksum{};
    std::uint8_t version = 4;
};

/// RFC 8200.
struct Ipv6 {
    std::string src = "2001:db8::1";
    std::string dst = "2001:db8:7::7";
    std::uint8_t hop_limit = 64;
    std::uint32_t flow_label = 0;  ///< 20 bits
    std::uint8_t traffic_class = 0;
    std::optional<std::uint8_t> next_header{};
    std::optional<std::uint16_t> payload_length{};  ///< bytes, extension headers included
    std::uint8_t version = 6;
};

/// IPv6 extension headers. `options` and `data` follow the fixed part and are padded, options with
/// a PadN, data with zeros, to a multiple of 8 bytes.
struct HopByHop {
    Bytes options{};
    std::optional<std::uint8_t> next_header{};
    std::optional<std::uint8_t> length_units{};  ///< units of 8 bytes, not counting the first
};
struct DestinationOptions {
    Bytes options{};
    std::optional<std::uint8_t> next_header{};
    std::optional<std::uint8_t> length_units{};
};
/// Transport checksums use the IP header's destination, as is correct if `segments_left` is 0.
struct Routing {
    std::uint8_t type = 4;
    std::uint8_t segments_left = 0;
    Bytes data{};
    std::optional<std::uint8_t> next_header{};
    std::optional<std::uint8_t> length_units{};
};
struct Fragment {
    std::uint16_t offset = 0;  ///< in units of 8 bytes
    bool more = false;
    std::uint32_t id = 0;
    std::optional<std::uint8_t> next_header{};
};

enum TcpFlags : std::uint8_t {
    NoFlags = 0x00,
    Fin = 0x01,
    Syn = 0x02,
    Rst = 0x04,
    Psh = 0x08,
    Ack = 0x10,
    Urg = 0x20,
    Ece = 0x40,
    Cwr = 0x80,
};
constexpr TcpFlags operator|(TcpFlags a, TcpFlags b) {
    return TcpFlags(std::uint8_t(a) | std::uint8_t(b));
}

/// RFC 9293.
struct Tcp {
    std::uint16_t src_port = 40000;
    std::uint16_t dst_port = 443;
    std::uint32_t seq = 0;
    std::uint32_t ack = 0;
    TcpFlags flags = Ack;
    std::uint16_t window = 0;
    std::uint16_t urgent = 0;
    std::vector<TcpOption> options{};            ///< padded with zeros to a multiple of 4 bytes
    std::optional<std::uint8_t> header_words{};  ///< data offset, in units of 4 bytes
    Checksum checksum{};
};

struct Udp {
    std::uint16_t src_port = 40000;
    std::uint16_t dst_port = 53;
    std::optional<std::uint16_t> length{};
    Checksum checksum{};
};

/// RFC 792. By default "destination unreachable, administratively prohibited".
struct Icmp {
    std::uint8_t type = 3;
    std::uint8_t code = 13;
    std::uint32_t rest = 0;  ///< the second word: next-hop MTU, identifier and sequence, or 0
    Checksum checksum{};
};

/// RFC 4443. By default "destination unreachable, administratively prohibited".
struct Icmpv6 {
    std::uint8_t type = 1;
    std::uint8_t code = 1;
    std::uint32_t rest = 0;
    Checksum checksum{};
};

/// RFC 2784 and RFC 2890: the fields that are set are flagged as present.
struct Gre {
    bool checksum = false;
    std::optional<std::uint32_t> key{};
    std::optional<std::uint32_t> sequence{};
    std::uint16_t more_flags = 0;  ///< 0x4000: a source route; the lowest three bits: the version
    std::optional<std::uint16_t> protocol{};  ///< EtherType; unset: that of the next layer
};

/// PPTP's GRE (RFC 2637, section 4.1). Holds Ppp, or nothing: then it only acknowledges.
struct Pptp {
    std::uint16_t call_id = 1;
    std::optional<std::uint32_t> sequence{};
    std::optional<std::uint32_t> acknowledgment{};
};

/// RFC 1661.
struct Ppp {
    bool address_control = false;  ///< begins with ff 03 (RFC 1662)
    bool compressed = false;       ///< the protocol field has one byte
    std::optional<std::uint16_t> protocol{};
};

/// In GRE, draft-foschiano-erspan-03: type II behind a sequence number, and type III. Type I has no
/// header. All hold Ethernet.
struct Erspan2 {
    std::uint16_t session = 1;  ///< 10 bits
};
struct Erspan3 {
    std::uint16_t session = 1;
    bool platform = false;  ///< with a platform-specific subheader
};

/// In UDP, to port 4789 (RFC 7348). Holds Ethernet.
struct Vxlan {
    std::uint32_t vni = 1;      ///< 24 bits
    std::uint8_t flags = 0x08;  ///< the VNI is valid
    std::uint8_t reserved = 0;  ///< the last byte
};

/// In UDP, to port 6081 (RFC 8926).
struct Geneve {
    std::uint32_t vni = 1;  ///< 24 bits
    std::uint8_t version = 0;
    Bytes options{};                          ///< padded with zeros to a multiple of 4
    std::optional<std::uint16_t> protocol{};  ///< EtherType; unset: that of the next layer
};

/// In UDP, to port 2152 (3GPP TS 29.281, section 5): by default a G-PDU, which holds IP.
struct Gtp {
    std::uint32_t teid = 1;
    std::uint8_t type = 255;
    std::uint8_t version = 1;
    std::optional<std::uint16_t> sequence{};
    /// Extension headers: their contents, padded with zeros.
    std::vector<Bytes> extensions{};
};

/// RFC 3032: one label. The last one before another layer is the bottom of the stack.
struct Mpls {
    std::uint32_t label = 16;  ///< 20 bits
    std::uint8_t ttl = 64;
};

/// Of a pseudowire, between its labels and Ethernet (RFC 4385).
struct ControlWord {
    std::uint16_t sequence = 0;
};

/// Cisco TrustSec's tag (ethertype 0x8909): its version, its length, an option, the group.
struct GroupTag {
    std::uint16_t group = 0;
};

/// A PPPoE session (RFC 2516, section 4). Holds Ppp.
struct Pppoe {
    std::uint16_t session = 1;
};

struct Payload {
    Payload() = default;
    explicit Payload(std::string_view text) : data(text.begin(), text.end()) {}
    explicit Payload(Bytes bytes) : data(std::move(bytes)) {}

    Bytes data{};
};

/// A payload of `length` bytes, with the same contents on every call.
Payload filler(std::size_t length);

/// Bytes after the end of the IP packet, as Ethernet pads a short frame. Not covered by any length
/// or checksum. Only as the last layer.
struct Trailer {
    Bytes data{};
};

class Packet;

/// The quote in an ICMP error: `packet` from its IP header on, cut after `length` bytes.
struct Quoted {
    explicit Quoted(const Packet& packet,
                    std::size_t length = std::numeric_limits<std::size_t>::max());
    Bytes data;
};

using Layer =
    std::variant<Ethernet, Vlan, Ipv4, Ipv6, HopByHop, DestinationOptions, Routing, Fragment, Tcp,
                 Udp, Icmp, Icmpv6, Gre, Pptp, Ppp, Erspan2, Erspan3, Vxlan, Geneve, Gtp, Mpls,
                 ControlWord, GroupTag, Pppoe, Payload, Quoted, Trailer>;

template <typename T, typename Variant>
inline constexpr bool is_alternative_of = false;
template <typename T, typename... Alternatives>
inline constexpr bool is_alternative_of<T, std::variant<Alternatives...>> =
    (std::is_same_v<T, Alternatives> || ...);
template <typename T>
concept LayerType = is_alternative_of<T, Layer>;

/// Its special members are defined in packet.cpp, for each layer: here, every test would compile them.
class Packet {
  public:
    template <LayerType T>
    Packet(T layer);
    Packet(const Packet& other);
    Packet(Packet&& other) noexcept;
    Packet& operator=(const Packet& other);
    Packet& operator=(Packet&& other) noexcept;
    ~Packet();

    /// The packet as on the wire, without frame check sequence. Throws std::invalid_argument for an
    /// invalid address, and for options too long for their header.
    Bytes bytes() const;

    /// The offset in bytes() of the first IP header, behind Ethernet and VLAN tags; 0 if there is
    /// none.
    std::size_t ip_offset() const;

    const std::vector<Layer>& layers() const { return layers_; }

    friend Packet operator/(Packet outer, const Packet& inner);

  private:
    std::vector<Layer> layers_;
};

/// In the layers' namespace, so that `Ethernet{} / Ipv4{}` needs no Packet to start with.
template <LayerType Outer, LayerType Inner>
Packet operator/(Outer outer, Inner inner) {
    return Packet(std::move(outer)) / Packet(std::move(inner));
}

/// The first `length` bytes of a frame, as in a truncated capture or a short buffer.
Bytes truncated(const Packet& packet, std::size_t length);

}  // namespace flowstamp::testing
