// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/replay/damaged_segments.h"

#include <netinet/in.h>

#include <cstddef>

#include "user/base/checksum.h"

namespace flowstamp::cmd {

namespace {

constexpr std::size_t kChecksumOffset = 16;

/// The addresses' and the length's part of the checksum (RFC 9293, section 3.1; RFC 8200, 8.1).
std::uint32_t pseudo_header(const fst_packet& packet, std::size_t segment_bytes) {
    auto sum = static_cast<std::uint32_t>(IPPROTO_TCP + segment_bytes);
    for (const auto& address : packet.key.address) {
        for (unsigned word = (packet.flags & FST_PACKET_IPV6) ? 0 : 3; word < 4; word++) {
            const std::uint32_t value = ntohl(address[word]);
            sum += (value >> 16) + (value & 0xffff);
        }
    }
    return sum;
}

}  // namespace

bool DamagedSegments::is_damaged(const fst_packet& packet, std::span<const std::uint8_t> frame) {
    const std::size_t header = packet.l4_offset - packet.l3_offset;
    const std::size_t bytes = packet.ip_bytes - header;
    if ((packet.flags & FST_PACKET_FIRST_FRAGMENT) || packet.ip_bytes < header ||
        packet.l4_offset + bytes > frame.size() || bytes < kChecksumOffset + 2) {
        return false;
    }
    const auto segment = frame.subspan(packet.l4_offset, bytes);
    const std::uint32_t pseudo = pseudo_header(packet, bytes);
    const auto written =
        static_cast<std::uint16_t>(segment[kChecksumOffset] << 8 | segment[kChecksumOffset + 1]);
    // To be filled in by the network card: nothing yet, or the pseudo header's part alone.
    if (written == 0 || written == static_cast<std::uint16_t>(~checksum(pseudo))) {
        return false;
    }
    std::array<std::uint32_t, 4> address{};
    for (unsigned word = 0; word < address.size(); word++) {
        address.at(word) = packet.key.address[packet.direction & 1U][word];
    }
    if (senders_.size() >= kMost && !senders_.contains(address)) {
        return false;
    }
    Sender& sender = senders_[address];
    if (checksum(add_words(segment, pseudo)) == 0) {
        sender.right++;
        return false;
    }
    sender.wrong++;
    return sender.right >= kEnough && sender.wrong * kShare <= sender.right + kShare;
}

}  // namespace flowstamp::cmd
