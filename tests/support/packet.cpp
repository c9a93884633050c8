// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/support/packet.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <span>
#include <stdexcept>

#include "tests/support/byte_writer.h"

namespace flowstamp::testing {
namespace {

/// EtherTypes and IP protocol numbers, from IANA's registries.
constexpr std::uint16_t kTypeIpv4 = 0x0800;
constexpr std::uint16_t kTypeVlan = 0x8100;
constexpr std::uint16_t kTypeIpv6 = 0x86dd;
constexpr std::uint16_t kTypeQinq = 0x88a8;
constexpr std::uint16_t kTypeErspan3 = 0x22eb;
constexpr std::uint16_t kTypeEthernet = 0x6558;
constexpr std::uint16_t kTypePptp = 0x880b;
constexpr std::uint16_t kTypeMpls = 0x8847;
constexpr std::uint16_t kTypePppoe = 0x8864;
constexpr std::uint16_t kTypeGroupTag = 0x8909;
constexpr std::uint16_t kTypeErspan2 = 0x88be;
constexpr std::uint16_t kTypeExperimental = 0x88b5;
constexpr std::uint8_t kProtocolTcp = 6;
constexpr std::uint8_t kProtocolUdp = 17;
constexpr std::uint8_t kProtocolGre = 47;
constexpr std::uint8_t kProtocolIcmpv6 = 58;
constexpr std::uint8_t kProtocolExperimental = 253;

Bytes mac_bytes(const std::string& text) {
    std::array<unsigned, 6> b{};
    char end = 0;
    if (std::sscanf(text.c_str(), "%2x:%2x:%2x:%2x:%2x:%2x%c", &b[0], &b[1], &b[2], &b[3], &b[4],
                    &b[5], &end) != 6) {
        throw std::invalid_argument("not a MAC address: " + text);
    }
    return {b.begin(), b.end()};
}

Bytes address_bytes(int family, const std::string& text) {
    Bytes bytes(family == AF_INET ? 4 : 16);
    if (inet_pton(family, text.c_str(), bytes.data()) != 1) {
        throw std::invalid_argument("not an IP address: " + text);
    }
    return bytes;
}

/// The layer's number in the "type" field of the Ethernet or VLAN header before it.
struct EtherType {
    std::uint16_t operator()(const Vlan& tag) const { return tag.tpid.value_or(kTypeVlan); }
    std::uint16_t operator()(const Ipv4&) const { return kTypeIpv4; }
    std::uint16_t operator()(const Ipv6&) const { return kTypeIpv6; }
    std::uint16_t operator()(const Ethernet&) const { return kTypeEthernet; }
    std::uint16_t operator()(const Erspan2&) const { return kTypeErspan2; }
    std::uint16_t operator()(const Erspan3&) const { return kTypeErspan3; }
    std::uint16_t operator()(const Mpls&) const { return kTypeMpls; }
    std::uint16_t operator()(const Pppoe&) const { return kTypePppoe; }
    std::uint16_t operator()(const GroupTag&) const { return kTypeGroupTag; }
    std::uint16_t operator()(const auto&) const { return kTypeExperimental; }
};

/// The layer's number in the "protocol" or "next header" field of the header before it.
struct IpProtocol {
    std::uint8_t operator()(const HopByHop&) const { return 0; }
    std::uint8_t operator()(const Icmp&) const { return 1; }
    std::uint8_t operator()(const Ipv4&) const { return 4; }
    std::uint8_t operator()(const Tcp&) const { return kProtocolTcp; }
    std::uint8_t operator()(const Udp&) const { return kProtocolUdp; }
    std::uint8_t operator()(const Ipv6&) const { return 41; }
    std::uint8_t operator()(const Routing&) const { return 43; }
    std::uint8_t operator()(const Fragment&) const { return 44; }
    std::uint8_t operator()(const Gre&) const { return kProtocolGre; }
    std::uint8_t operator()(const Pptp&) const { return kProtocolGre; }
    std::uint8_t operator()(const Icmpv6&) const { return kProtocolIcmpv6; }
    std::uint8_t operator()(const DestinationOptions&) const { return 60; }
    std::uint8_t operator()(const auto&) const { return kProtocolExperimental; }
};

/// The layer's number in the PPP header before it; of any other layer that of LCP.
struct PppProtocol {
    std::uint16_t operator()(const Ipv4&) const { return 0x0021; }
    std::uint16_t operator()(const Ipv6&) const { return 0x0057; }
    std::uint16_t operator()(const auto&) const { return 0xc021; }
};

/// Encodes the layer at `index`, whose payload is already encoded in `body`.
class Encoder {
  public:
    Encoder(std::span<const Layer> layers, std::size_t index, const Bytes& body)
        : layers_(layers), index_(index), body_(body) {}

    Bytes operator()(const Ethernet& ethernet) const;
    Bytes operator()(const Vlan& tag) const;
    Bytes operator()(const Ipv4& ip) const;
    Bytes operator()(const Ipv6& ip) const;
    Bytes operator()(const HopByHop& header) const { return options_header(header); }
    Bytes operator()(const DestinationOptions& header) const { return options_header(header); }
    Bytes operator()(const Routing& header) const;
    Bytes operator()(const Fragment& header) const;
    Bytes operator()(const Tcp& tcp) const;
    Bytes operator()(const Udp& udp) const;
    Bytes operator()(const Icmp& icmp) const;
    Bytes operator()(const Icmpv6& icmp) const;
    Bytes operator()(const Gre& gre) const;
    Bytes operator()(const Pptp& pptp) const;
    Bytes operator()(const Ppp& ppp) const;
    Bytes operator()(const Erspan2& erspan) const;
    Bytes operator()(const Erspan3& erspan) const;
    Bytes operator()(const Vxlan& vxlan) const;
    Bytes operator()(const Geneve& geneve) const;
    Bytes operator()(const Gtp& gtp) const;
    Bytes operator()(const Mpls& label) const;
    Bytes operator()(const ControlWord& word) const;
    Bytes operator()(const Pppoe& pppoe) const;
    Bytes operator()(const GroupTag& tag) const;
    Bytes operator()(const auto& data) const { return with_body(ByteWriter().raw(data.data)); }

  private:
    const Layer* next() const {
        return index_ + 1 < layers_.size() ? &layers_[index_ + 1] : nullptr;
    }
    std::uint16_t next_type() const;
    std::uint8_t next_protocol() const;
    std::uint16_t next_ppp_protocol() const;
    std::uint16_t pseudo_sum(std::uint8_t protocol, std::size_t length) const;
    Bytes with_body(ByteWriter header) const { return header.raw(body_).take(); }
    Bytes options_header(const auto& header) const;

    std::span<const Layer> layers_;
    std::size_t index_;
    const Bytes& body_;
};

std::uint16_t Encoder::next_type() const {
    const Layer* layer = next();
    if (layer == nullptr)
        return kTypeExperimental;
    const auto* tag = std::get_if<Vlan>(layer);
    const bool tag_holds_tag = tag != nullptr && index_ + 2 < layers_.size() &&
                               std::holds_alternative<Vlan>(layers_[index_ + 2]);
    if (tag_holds_tag)
        return tag->tpid.value_or(kTypeQinq);
    return std::visit(EtherType{}, *layer);
}

std::uint8_t Encoder::next_protocol() const {
    return next() == nullptr ? kProtocolExperimental : std::visit(IpProtocol{}, *next());
}

std::uint16_t Encoder::next_ppp_protocol() const {
    return next() == nullptr ? PppProtocol{}(Payload{}) : std::visit(PppProtocol{}, *next());
}

/// Computed with the nearest enclosing IP header; 0 without one.
std::uint16_t Encoder::pseudo_sum(std::uint8_t protocol, std::size_t length) const {
    for (std::size_t i = index_; i-- > 0;) {
        if (const auto* ip = std::get_if<Ipv4>(&layers_[i])) {
            return pseudo_header_sum(address_bytes(AF_INET, ip->src),
                                     address_bytes(AF_INET, ip->dst), protocol, length);
        }
        if (const auto* ip = std::get_if<Ipv6>(&layers_[i])) {
            return pseudo_header_sum(address_bytes(AF_INET6, ip->src),
                                     address_bytes(AF_INET6, ip->dst), protocol, length);
        }
    }
    return 0;
}

Bytes Encoder::operator()(const Ethernet& ethernet) const {
    return with_body(ByteWriter()
                         .raw(mac_bytes(ethernet.dst))
                         .raw(mac_bytes(ethernet.src))
                         .u16(ethernet.type.value_or(next_type())));
}

Bytes Encoder::operator()(const Vlan& tag) const {
    return with_body(ByteWriter()
                         .u16(tag.priority << 13 | (tag.id & 0x0fff))
                         .u16(tag.type.value_or(next_type())));
}

Bytes Encoder::operator()(const Ipv4& ip) const {
    const Bytes options = ByteWriter().raw(ip.options).pad_to(4).take();
    const std::size_t length = 20 + options.size();
    if (length > 60)
        throw std::invalid_argument("IPv4 options do not fit into the header");
    const std::uint8_t words = ip.header_words.value_or(length / 4);
    ByteWriter header;
    header.u8(ip.version << 4 | (words & 0x0f)).u8(ip.tos);
    header.u16(ip.total_length.value_or(length + body_.size())).u16(ip.id);
    header.u16(ip.df << 14 | ip.more_fragments << 13 | (ip.fragment_offset & 0x1fff));
    header.u8(ip.ttl).u8(ip.protocol.value_or(next_protocol())).u16(0);
    header.raw(address_bytes(AF_INET, ip.src)).raw(address_bytes(AF_INET, ip.dst)).raw(options);
    header.set_u16(10, ip.checksum.value(ones_sum(header.bytes()), 0));
    return with_body(std::move(header));
}

Bytes Encoder::operator()(const Ipv6& ip) const {
    ByteWriter header;
    header.u32(std::uint32_t{ip.version} << 28 | std::uint32_t{ip.traffic_class} << 20 |
               (ip.flow_label & 0xfffff));
    header.u16(ip.payload_length.value_or(body_.size()));
    header.u8(ip.next_header.value_or(next_protocol())).u8(ip.hop_limit);
    header.raw(address_bytes(AF_INET6, ip.src)).raw(address_bytes(AF_INET6, ip.dst));
    return with_body(std::move(header));
}

/// RFC 8200 section 4.2: Pad1 is a zero byte, PadN is kind 1, its length, and zeros.
Bytes Encoder::options_header(const auto& header) const {
    const std::size_t padding = 7 - (2 + header.options.size() + 7) % 8;
    ByteWriter out;
    out.u8(header.next_header.value_or(next_protocol()));
    out.u8(header.length_units.value_or((2 + header.options.size() + padding) / 8 - 1));
    out.raw(header.options);
    if (padding >= 2)
        out.u8(1).u8(padding - 2);
    return with_body(std::move(out.pad_to(8)));
}

Bytes Encoder::operator()(const Routing& header) const {
    ByteWriter out;
    out.u8(header.next_header.value_or(next_protocol()));
    out.u8(header.length_units.value_or((4 + header.data.size() + 7) / 8 - 1));
    out.u8(header.type).u8(header.segments_left).raw(header.data);
    return with_body(std::move(out.pad_to(8)));
}

Bytes Encoder::operator()(const Fragment& header) const {
    return with_body(ByteWriter()
                         .u8(header.next_header.value_or(next_protocol()))
                         .u8(0)
                         .u16(header.offset << 3 | header.more)
                         .u32(header.id));
}

Bytes Encoder::operator()(const Tcp& tcp) const {
    const Bytes options = encode(tcp.options);
    const std::size_t length = 20 + options.size();
    if (length > 60)
        throw std::invalid_argument("TCP options do not fit into the header");
    ByteWriter out;
    out.u16(tcp.src_port).u16(tcp.dst_port).u32(tcp.seq).u32(tcp.ack);
    out.u8(tcp.header_words.value_or(length / 4) << 4).u8(tcp.flags);
    out.u16(tcp.window).u16(0).u16(tcp.urgent).raw(options).raw(body_);
    const std::uint16_t pseudo = pseudo_sum(kProtocolTcp, out.size());
    return out.set_u16(16, tcp.checksum.value(ones_sum(out.bytes(), pseudo), pseudo)).take();
}

Bytes Encoder::operator()(const Udp& udp) const {
    ByteWriter out;
    out.u16(udp.src_port).u16(udp.dst_port);
    out.u16(udp.length.value_or(8 + body_.size())).u16(0).raw(body_);
    const std::uint16_t pseudo = pseudo_sum(kProtocolUdp, out.size());
    return out.set_u16(6, udp.checksum.value(ones_sum(out.bytes(), pseudo), pseudo)).take();
}

Bytes Encoder::operator()(const Icmp& icmp) const {
    ByteWriter out;
    out.u8(icmp.type).u8(icmp.code).u16(0).u32(icmp.rest).raw(body_);
    return out.set_u16(2, icmp.checksum.value(ones_sum(out.bytes()), 0)).take();
}

Bytes Encoder::operator()(const Icmpv6& icmp) const {
    ByteWriter out;
    out.u8(icmp.type).u8(icmp.code).u16(0).u32(icmp.rest).raw(body_);
    const std::uint16_t pseudo = pseudo_sum(kProtocolIcmpv6, out.size());
    return out.set_u16(2, icmp.checksum.value(ones_sum(out.bytes(), pseudo), pseudo)).take();
}

/// The checksum, over header and contents, has a word of its own, half of which is reserved.
Bytes Encoder::operator()(const Gre& gre) const {
    ByteWriter out;
    out.u16(gre.more_flags | gre.checksum << 15 | gre.key.has_value() << 13 |
            gre.sequence.has_value() << 12);
    out.u16(gre.protocol.value_or(next_type()));
    if (gre.checksum)
        out.u32(0);
    if (gre.key)
        out.u32(*gre.key);
    if (gre.sequence)
        out.u32(*gre.sequence);
    out.raw(body_);
    if (gre.checksum)
        out.set_u16(4, internet_checksum(out.bytes()));
    return out.take();
}

/// Version 1, with a key: the length of the contents and the call.
Bytes Encoder::operator()(const Pptp& pptp) const {
    ByteWriter out;
    out.u16(0x2001 | pptp.sequence.has_value() << 12 | pptp.acknowledgment.has_value() << 7);
    out.u16(kTypePptp).u16(body_.size()).u16(pptp.call_id);
    if (pptp.sequence)
        out.u32(*pptp.sequence);
    if (pptp.acknowledgment)
        out.u32(*pptp.acknowledgment);
    return with_body(std::move(out));
}

Bytes Encoder::operator()(const Ppp& ppp) const {
    const std::uint16_t protocol = ppp.protocol.value_or(next_ppp_protocol());
    ByteWriter out;
    if (ppp.address_control)
        out.u16(0xff03);
    return with_body(std::move(ppp.compressed ? out.u8(protocol) : out.u16(protocol)));
}

Bytes Encoder::operator()(const Erspan2& erspan) const {
    return with_body(ByteWriter().u16(1 << 12).u16(erspan.session & 0x03ff).u32(0));
}

Bytes Encoder::operator()(const Erspan3& erspan) const {
    ByteWriter out;
    out.u16(2 << 12).u16(erspan.session & 0x03ff).u32(0).u16(0).u16(erspan.platform);
    if (erspan.platform)
        out.u32(0).u32(0);
    return with_body(std::move(out));
}

Bytes Encoder::operator()(const Vxlan& vxlan) const {
    return with_body(
        ByteWriter().u8(vxlan.flags).u8(0).u16(0).u32(vxlan.vni << 8 | vxlan.reserved));
}

Bytes Encoder::operator()(const Geneve& geneve) const {
    const Bytes options = ByteWriter().raw(geneve.options).pad_to(4).take();
    return with_body(ByteWriter()
                         .u8(geneve.version << 6 | options.size() / 4)
                         .u8(0)
                         .u16(geneve.protocol.value_or(next_type()))
                         .u32(geneve.vni << 8)
                         .raw(options));
}

/// The optional fields are there, all of them, if one is. Each extension header begins with its
/// length in units of 4 bytes and ends with the type of the next one.
Bytes Encoder::operator()(const Gtp& gtp) const {
    constexpr std::uint8_t kPduSessionContainer = 0x85;
    std::size_t left = gtp.extensions.size();
    ByteWriter fields;
    if (gtp.sequence || left != 0)
        fields.u16(gtp.sequence.value_or(0)).u8(0).u8(left != 0 ? kPduSessionContainer : 0);
    for (const Bytes& contents : gtp.extensions) {
        const std::size_t units = (contents.size() + 2 + 3) / 4;
        Bytes padded = contents;
        padded.resize(units * 4 - 2);
        left--;
        fields.u8(units).raw(padded).u8(left != 0 ? kPduSessionContainer : 0);
    }
    ByteWriter out;
    out.u8(gtp.version << 5 | 1 << 4 | !gtp.extensions.empty() << 2 |
           gtp.sequence.has_value() << 1);
    out.u8(gtp.type).u16(fields.size() + body_.size()).u32(gtp.teid).raw(fields.bytes());
    return with_body(std::move(out));
}

Bytes Encoder::operator()(const Mpls& label) const {
    const bool bottom = next() == nullptr || !std::holds_alternative<Mpls>(*next());
    return with_body(ByteWriter().u32(label.label << 12 | std::uint32_t{bottom} << 8 | label.ttl));
}

Bytes Encoder::operator()(const ControlWord& word) const {
    return with_body(ByteWriter().u16(0).u16(word.sequence));
}

/// Version 1, type 1, code 0: a session's data.
Bytes Encoder::operator()(const Pppoe& pppoe) const {
    return with_body(ByteWriter().u8(0x11).u8(0).u16(pppoe.session).u16(body_.size()));
}

/// Version 1, one option: the source group.
Bytes Encoder::operator()(const GroupTag& tag) const {
    return with_body(ByteWriter().u8(1).u8(1).u16(1).u16(tag.group).u16(next_type()));
}

/// Encodes nested `layers`, without trailers.
Bytes encode_layers(std::span<const Layer> layers) {
    Bytes body;
    for (std::size_t i = layers.size(); i-- > 0;) {
        body = std::visit(Encoder(layers, i, body), layers[i]);
    }
    return body;
}

}  // namespace

std::uint16_t Checksum::value(std::uint16_t sum, std::uint16_t pseudo_header) const {
    const auto correct = static_cast<std::uint16_t>(~sum);
    switch (kind_) {
        case Partial:
            return pseudo_header;
        case Wrong:
            return correct ^ 0x0100;
        case Given:
            return value_;
        case Correct:
            break;
    }
    return correct;
}

Payload filler(std::size_t length) {
    Bytes data(length);
    for (std::size_t i = 0; i < length; ++i)
        data[i] = static_cast<std::uint8_t>('a' + i % 26);
    return Payload(std::move(data));
}

Quoted::Quoted(const Packet& packet, std::size_t length) : data(packet.bytes()) {
    data.erase(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(packet.ip_offset()));
    data.resize(std::min(length, data.size()));
}

template <LayerType T>
Packet::Packet(T layer) : layers_{Layer{std::in_place_type<T>, std::move(layer)}} {}
Packet::Packet(const Packet& other) = default;
Packet::Packet(Packet&& other) noexcept = default;
Packet& Packet::operator=(const Packet& other) = default;
Packet& Packet::operator=(Packet&& other) noexcept = default;
Packet::~Packet() = default;

template Packet::Packet(Ethernet);
template Packet::Packet(Vlan);
template Packet::Packet(Ipv4);
template Packet::Packet(Ipv6);
template Packet::Packet(HopByHop);
template Packet::Packet(DestinationOptions);
template Packet::Packet(Routing);
template Packet::Packet(Fragment);
template Packet::Packet(Tcp);
template Packet::Packet(Udp);
template Packet::Packet(Icmp);
template Packet::Packet(Icmpv6);
template Packet::Packet(Gre);
template Packet::Packet(Pptp);
template Packet::Packet(Ppp);
template Packet::Packet(Erspan2);
template Packet::Packet(Erspan3);
template Packet::Packet(Vxlan);
template Packet::Packet(Geneve);
template Packet::Packet(Gtp);
template Packet::Packet(Mpls);
template Packet::Packet(ControlWord);
template Packet::Packet(GroupTag);
template Packet::Packet(Pppoe);
template Packet::Packet(Payload);
template Packet::Packet(Quoted);
template Packet::Packet(Trailer);

Packet operator/(Packet outer, const Packet& inner) {
    outer.layers_.insert(outer.layers_.end(), inner.layers_.begin(), inner.layers_.end());
    return outer;
}

Bytes Packet::bytes() const {
    const auto* trailer = std::get_if<Trailer>(&layers_.back());
    Bytes bytes = encode_layers(std::span(layers_).first(layers_.size() - (trailer ? 1 : 0)));
    if (trailer)
        bytes.insert(bytes.end(), trailer->data.begin(), trailer->data.end());
    return bytes;
}

std::size_t Packet::ip_offset() const {
    std::size_t offset = 0;
    for (const Layer& layer : layers_) {
        if (std::holds_alternative<Ethernet>(layer))
            offset += 14;
        else if (std::holds_alternative<Vlan>(layer))
            offset += 4;
        else
            return std::holds_alternative<Ipv4>(layer) || std::holds_alternative<Ipv6>(layer)
                       ? offset
                       : 0;
    }
    return 0;
}

Bytes truncated(const Packet& packet, std::size_t length) {
    Bytes bytes = packet.bytes();
    bytes.resize(std::min(length, bytes.size()));
    return bytes;
}

}  // namespace flowstamp::testing
