// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/replay/packet_evidence.h"

#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <utility>

namespace flowstamp::cmd {

namespace {

constexpr std::uint16_t kEthernet = 1;  // LINKTYPE_ETHERNET

/// From the frame's start to the end of its headers: of an ICMP error, of those that it quotes.
std::size_t header_bytes(const fst_packet& packet, bool is_icmp) {
    if (!is_icmp) {
        return packet.l4_offset + packet.tcp_header;
    }
    const bool is_v6 = packet.flags & FST_PACKET_IPV6;
    return packet.l3_offset + sizeof(tcphdr) +
           (is_v6 ? 2 * sizeof(ip6_hdr) + sizeof(icmp6_hdr) : 2 * sizeof(iphdr) + ICMP_MINLEN);
}

}  // namespace

void PacketEvidence::set_interface(std::uint32_t ifindex, std::string name) {
    recorder_.set_place(ifindex, {.interface = std::move(name),
                                  .description = "as captured, cut to headers",
                                  .link_type = kEthernet});
}

void PacketEvidence::keep(const fst_packet& packet, const Frame& frame, bool is_icmp) {
    const std::size_t wanted = std::max<std::size_t>(header_bytes(packet, is_icmp), snap_bytes_);
    const auto bytes = frame.bytes.first(std::min(wanted, frame.bytes.size()));
    output::KeptPacket kept = output::kept(packet, frame.number);
    kept.place = packet.key.ifindex;
    kept.is_icmp = is_icmp;
    kept.original =
        std::max(static_cast<std::uint32_t>(bytes.size()),
                 frame.original != 0 ? frame.original : packet.l3_offset + packet.ip_bytes);
    kept.bytes.assign(bytes.begin(), bytes.end());
    recorder_.keep(packet.key, std::move(kept));
}

}  // namespace flowstamp::cmd
