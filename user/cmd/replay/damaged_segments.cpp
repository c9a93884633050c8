// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/replay/damaged_segments.h"

#include <netinet/in.h>

#include <cstddef>

namespace flowstamp::cmd {

namespace {

constexpr std::size_t kChecksumOffset = 16;

/// The sum of the 16-bit words, to be folded (RFC 1071).
std::uint64_t sum_words(std::span<const std::uint8_t> bytes) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
        sum += static_cast<std::uint64_t>(bytes[i] << 8 | bytes[i + 1]);
    }
    if (bytes.size() % 2 != 0) {
        sum += static_cast<std::uint64_t>(bytes.back() << 8);
    }
    return sum;
}

std::uint16_t fold(std::uint64_t sum) {
    while (sum > 0xffff) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return static_cast<std::uint16_t>(sum);
}

/// The addresses' and the length's part of the checksum (RFC 9293, section 3.1; RFC 8200, 8.1).
std::uint64_t pseudo_header(const fst_packet& packet, std::size_t segment_bytes) {
    std::uint64_t sum = IPPROTO_TCP + segment_bytes;
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
    const std::uint64_t pseudo = pseudo_header(packet, bytes);
    const auto written =
        static_cast<std::uint16_t>(segment[kChecksumOffset] << 8 | segment[kChecksumOffset + 1]);
    // To be filled in by the network card: nothing yet, or the pseudo header's part alone.
    if (written == 0 || written == fold(pseudo)) {
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
    if (fold(pseudo + sum_words(segment)) == 0xffff) {
        sender.right++;
        return false;
    }
    sender.wrong++;
    return sender.right >= kEnough && sender.wrong * kShare <= sender.right + kShare;
}

}  // namespace flowstamp::cmd
