// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/support/packet_view.h"

#include <arpa/inet.h>

#include <stdexcept>

namespace flowstamp::testing {
namespace {

struct Unreadable : std::runtime_error {
    using runtime_error::runtime_error;
};

/// Bounds-checked reading of big-endian fields at absolute offsets.
class Reader {
  public:
    explicit Reader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

    std::span<const std::uint8_t> span(std::size_t offset, std::size_t length) const {
        if (offset > bytes_.size() || length > bytes_.size() - offset) {
            throw Unreadable("packet is too short");
        }
        return bytes_.subspan(offset, length);
    }
    std::uint8_t u8(std::size_t offset) const { return span(offset, 1)[0]; }
    std::uint16_t u16(std::size_t offset) const {
        return static_cast<std::uint16_t>(u8(offset) << 8 | u8(offset + 1));
    }
    std::uint32_t u32(std::size_t offset) const {
        return std::uint32_t{u16(offset)} << 16 | u16(offset + 2);
    }

  private:
    std::span<const std::uint8_t> bytes_;
};

void require(bool condition, const char* what) {
    if (!condition)
        throw Unreadable(what);
}

std::string address_text(int family, std::span<const std::uint8_t> address) {
    char text[INET6_ADDRSTRLEN] = {};
    inet_ntop(family, address.data(), text, sizeof text);
    return text;
}

/// Addresses and extent of a TCP segment, from its IP header.
struct Segment {
    std::span<const std::uint8_t> src, dst;
    std::size_t offset = 0;
    std::size_t length = 0;
};

bool is_vlan(std::uint16_t type) {
    return type == 0x8100 || type == 0x88a8;
}

std::size_t read_link(const Reader& packet, TcpView& view) {
    std::size_t type_at = 12;
    while (is_vlan(packet.u16(type_at))) {
        view.vlan_ids.push_back(packet.u16(type_at + 2) & 0x0fff);
        type_at += 4;
    }
    const std::uint16_t type = packet.u16(type_at);
    require(type == 0x0800 || type == 0x86dd, "not IP");
    return type_at + 2;
}

Segment read_ipv4(const Reader& packet, std::size_t at, TcpView& view) {
    const std::size_t header_length = (std::size_t{packet.u8(at)} & 0x0f) * 4;
    const std::size_t total_length = packet.u16(at + 2);
    require(header_length >= 20 && total_length >= header_length, "bad IPv4 lengths");
    require((packet.u16(at + 6) & 0x1fff) == 0, "a later fragment");
    require(packet.u8(at + 9) == 6, "not TCP");
    view.ttl = packet.u8(at + 8);
    view.ip_id = packet.u16(at + 4);
    view.df = (packet.u16(at + 6) & 0x4000) != 0;
    view.ip_checksum_ok = internet_checksum(packet.span(at, header_length)) == 0;
    const Segment segment{packet.span(at + 12, 4), packet.span(at + 16, 4), at + header_length,
                          total_length - header_length};
    view.src = address_text(AF_INET, segment.src);
    view.dst = address_text(AF_INET, segment.dst);
    return segment;
}

Segment read_ipv6(const Reader& packet, std::size_t at, TcpView& view) {
    const std::size_t end = at + 40 + packet.u16(at + 4);
    view.ttl = packet.u8(at + 7);
    view.flow_label = packet.u32(at) & 0xfffff;
    Segment segment{packet.span(at + 8, 16), packet.span(at + 24, 16), at + 40, 0};
    view.src = address_text(AF_INET6, segment.src);
    view.dst = address_text(AF_INET6, segment.dst);
    std::uint8_t next = packet.u8(at + 6);
    while (next != 6) {
        require(next == 0 || next == 43 || next == 44 || next == 60, "not TCP");
        const bool fragment = next == 44;
        require(!fragment || packet.u16(segment.offset + 2) >> 3 == 0, "a later fragment");
        next = packet.u8(segment.offset);
        segment.offset += fragment ? 8 : (packet.u8(segment.offset + 1) + 1u) * 8;
    }
    require(segment.offset <= end, "bad IPv6 lengths");
    segment.length = end - segment.offset;
    return segment;
}

Bytes copy(std::span<const std::uint8_t> data) {
    return {data.begin(), data.end()};
}

void read_tcp(const Reader& packet, const Segment& segment, TcpView& view) {
    const std::size_t at = segment.offset;
    const std::size_t header_length = (std::size_t{packet.u8(at + 12)} >> 4) * 4;
    require(header_length >= 20 && header_length <= segment.length, "bad TCP header length");
    view.tcp_offset = at;
    view.src_port = packet.u16(at);
    view.dst_port = packet.u16(at + 2);
    view.seq = packet.u32(at + 4);
    view.ack = packet.u32(at + 8);
    view.flags = TcpFlags(packet.u8(at + 13));
    view.window = packet.u16(at + 14);
    view.checksum = packet.u16(at + 16);
    view.options = copy(packet.span(at + 20, header_length - 20));
    view.payload = copy(packet.span(at + header_length, segment.length - header_length));
    const std::uint16_t pseudo = pseudo_header_sum(segment.src, segment.dst, 6, segment.length);
    view.checksum_ok = internet_checksum(packet.span(at, segment.length), pseudo) == 0;
    view.checksum_partial = view.checksum == pseudo;
}

}  // namespace

std::optional<TcpView> view_tcp(std::span<const std::uint8_t> bytes, StartsWith start) try {
    const Reader packet(bytes);
    TcpView view;
    view.ip_offset = start == StartsWith::Ethernet ? read_link(packet, view) : 0;
    const unsigned version = packet.u8(view.ip_offset) >> 4;
    require(version == 4 || version == 6, "not IP");
    read_tcp(packet,
             version == 4 ? read_ipv4(packet, view.ip_offset, view)
                          : read_ipv6(packet, view.ip_offset, view),
             view);
    return view;
} catch (const Unreadable&) {
    return std::nullopt;
}

bool tcp_checksum_ok(std::span<const std::uint8_t> frame) {
    const auto view = view_tcp(frame);
    return view && view->ip_checksum_ok && view->checksum_ok;
}

bool tcp_checksum_partial(std::span<const std::uint8_t> frame) {
    const auto view = view_tcp(frame);
    return view && view->ip_checksum_ok && view->checksum_partial;
}

}  // namespace flowstamp::testing
