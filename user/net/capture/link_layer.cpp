// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/capture/link_layer.h"

#include <fmt/format.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <optional>

#include "flowstamp/packet.h"

namespace flowstamp::net {

namespace {

// https://www.tcpdump.org/linktypes.html
enum LinkType : std::uint32_t {
    kNull = 0,
    kEthernet = 1,
    kRawOld = 12,      // DLT_RAW of most systems, in files that store it instead of LINKTYPE_RAW
    kRawOpenBsd = 14,  // the same, of OpenBSD
    kRaw = 101,
    kLoop = 108,
    kLinuxCooked = 113,
    kIpv4 = 228,
    kIpv6 = 229,
    kLinuxCooked2 = 276,
};

constexpr std::uint16_t kTypeIpv4 = 0x0800;
constexpr std::uint16_t kTypeIpv6 = 0x86dd;
constexpr std::uint16_t kTypeVlan = 0x8100;
constexpr std::uint16_t kTypeQinq = 0x88a8;
constexpr std::uint16_t kTypeNone = 0xffff;  // reserved: no protocol

constexpr std::size_t kEthernetBytes = 14;
constexpr std::size_t kTypeAt = 12;
constexpr std::uint8_t kTcp = 6;

using Bytes = std::span<const std::uint8_t>;

std::uint16_t u16(Bytes bytes, std::size_t at) {
    return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

void put_u16(std::span<std::uint8_t> bytes, std::size_t at, std::uint16_t value) {
    bytes[at] = static_cast<std::uint8_t>(value >> 8);
    bytes[at + 1] = static_cast<std::uint8_t>(value);
}

/// A frame's link header.
struct Link {
    std::size_t header;  ///< bytes
    std::uint16_t type;  ///< EtherType of what follows
};

std::uint16_t by_version(Bytes packet) {
    switch (packet.empty() ? 0 : packet[0] >> 4) {
        case 4:
            return kTypeIpv4;
        case 6:
            return kTypeIpv6;
        default:
            return kTypeNone;
    }
}

/// AF_INET is 2 everywhere, AF_INET6 differs between systems. The byte order is that of the
/// capturing host, which need not be the file's.
std::uint16_t by_family(Bytes frame) {
    const unsigned family = frame[0] | frame[1] | frame[2] | frame[3];
    const bool one_byte = frame[1] == 0 && frame[2] == 0 && (frame[0] == 0 || frame[3] == 0);
    if (!one_byte) {
        return kTypeNone;
    }
    switch (family) {
        case 2:
            return kTypeIpv4;
        case 10:  // Linux
        case 24:  // NetBSD, OpenBSD
        case 28:  // FreeBSD
        case 30:  // macOS
            return kTypeIpv6;
        default:
            return kTypeNone;
    }
}

/// Nothing if the frame ends within its link header.
std::optional<Link> link_of(const CapturedFrame& frame) {
    const Bytes bytes = frame.bytes;
    const auto make_link = [&](std::size_t header, auto type) -> std::optional<Link> {
        return bytes.size() < header ? std::nullopt : std::optional(Link{header, type()});
    };
    switch (frame.link_type) {
        case kNull:
        case kLoop:
            return make_link(4, [&] { return by_family(bytes); });
        case kLinuxCooked:
            return make_link(16, [&] { return u16(bytes, 14); });
        case kLinuxCooked2:
            return make_link(20, [&] { return u16(bytes, 0); });
        default:
            return make_link(0, [&] { return by_version(bytes); });
    }
}

std::uint16_t at_most_16_bits(std::size_t length) {
    return static_cast<std::uint16_t>(std::min<std::size_t>(length, 0xffff));
}

/// `wire`: the frame's length on the wire, including the Ethernet header of `frame`.
void fill_in_ip_length(std::span<std::uint8_t> frame, std::size_t wire) {
    std::size_t at = kEthernetBytes;
    std::uint16_t type = u16(frame, kTypeAt);
    for (int tags = 0; tags < 2 && (type == kTypeVlan || type == kTypeQinq); tags++) {
        if (frame.size() < at + 4) {
            return;
        }
        type = u16(frame, at + 2);
        at += 4;
    }
    constexpr std::size_t kIpv4Bytes = 20, kIpv6Bytes = 40;
    if (type == kTypeIpv4 && frame.size() >= at + kIpv4Bytes && u16(frame, at + 2) == 0 &&
        wire > at) {
        put_u16(frame, at + 2, at_most_16_bits(wire - at));
    } else if (type == kTypeIpv6 && frame.size() >= at + kIpv6Bytes && u16(frame, at + 4) == 0 &&
               frame[at + 6] == kTcp && wire > at + kIpv6Bytes) {
        put_u16(frame, at + 4, at_most_16_bits(wire - at - kIpv6Bytes));
    }
}

}  // namespace

bool knows_link_type(std::uint32_t link_type) {
    switch (link_type) {
        case kNull:
        case kEthernet:
        case kRawOld:
        case kRawOpenBsd:
        case kRaw:
        case kLoop:
        case kLinuxCooked:
        case kIpv4:
        case kIpv6:
        case kLinuxCooked2:
            return true;
        default:
            return false;
    }
}

std::string link_type_text(std::uint32_t link_type) {
    const char* name = ::pcap_datalink_val_to_name(static_cast<int>(link_type));
    return name == nullptr ? fmt::format("{}", link_type) : fmt::format("{} ({})", link_type, name);
}

std::span<std::uint8_t> FrameShaper::shape(const CapturedFrame& frame) {
    static_assert(kSnapBytes == FST_SNAP_BYTES);
    std::size_t header = 0;
    std::size_t synthesized = 0;
    if (frame.link_type != kEthernet) {
        const std::optional<Link> link = link_of(frame);
        if (!link) {
            return {};
        }
        header = link->header;
        synthesized = kEthernetBytes;
        std::fill_n(bytes_.begin(), kTypeAt, 0);
        put_u16(bytes_, kTypeAt, link->type);
    }
    const std::size_t count = std::min(frame.bytes.size() - header, bytes_.size() - synthesized);
    std::ranges::copy(frame.bytes.subspan(header, count), bytes_.begin() + synthesized);
    const std::span<std::uint8_t> shaped(bytes_.data(), synthesized + count);
    if (shaped.size() < kEthernetBytes) {
        return {};
    }
    fill_in_ip_length(shaped, std::max<std::size_t>(frame.original, header) - header + synthesized);
    return shaped;
}

}  // namespace flowstamp::net
