// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/challenge_frame.h"

#include <net/ethernet.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "flowstamp/acceptance_rules.h"
#include "flowstamp/challenge_rules.h"
#include "user/base/checksum.h"
#include "user/net/endpoint.h"
#include "user/net/packet_headers.h"

namespace flowstamp::net {

namespace {

/// One byte, of which the value does not matter.
constexpr std::uint32_t kPayload = 1;

HeaderFields fields_of(const fst_flow& flow, unsigned sender) {
    const fst_direction& own = flow.direction[sender];
    const int d = static_cast<int>(sender);
    return {.source = flow.key.address[sender],
            .destination = flow.key.address[sender ^ 1U],
            .source_port = flow.key.port[sender],
            .destination_port = flow.key.port[sender ^ 1U],
            .seq = fst_challenge_seq(&flow, flow.rst_seq[sender], kPayload, d),
            .ack = own.ack_edge,
            .payload = kPayload,
            .flow_label = 0,
            .ip_id = 0,
            .window = own.window,
            .protocol = IPPROTO_TCP,
            .traffic_class = 0,
            .ttl = own.ttl[0],
            .tcp_flags = FST_TCP_ACK,
            .dont_fragment = true,
            .more_fragments = false};
}

template <class T>
std::span<const std::uint8_t> bytes_of(const T& object) {
    return {reinterpret_cast<const std::uint8_t*>(&object), sizeof(object)};
}

/// RFC 9293, section 3.1. The prefix of a mapped IPv4 address is 0xffff, which adds nothing.
std::uint16_t tcp_checksum(const HeaderFields& fields, const tcphdr& tcp) {
    std::uint32_t sum = IPPROTO_TCP + sizeof(tcp) + kPayload;
    sum = add_words(bytes_of(fields.source), sum);
    sum = add_words(bytes_of(fields.destination), sum);
    return ::htons(checksum(add_words(bytes_of(tcp), sum)));
}

template <class Headers>
std::vector<std::uint8_t> frame_of(const ether_header& ethernet, const Headers& headers) {
    std::vector<std::uint8_t> frame(sizeof(ethernet) + sizeof(headers) + kPayload);
    std::memcpy(frame.data(), &ethernet, sizeof(ethernet));
    std::memcpy(frame.data() + sizeof(ethernet), &headers, sizeof(headers));
    return frame;
}

}  // namespace

std::optional<std::vector<std::uint8_t>> challenge_frame(const fst_flow& flow, unsigned sender) {
    const unsigned receiver = sender ^ 1U;
    const auto votes = fst_mac_votes(&flow.direction[receiver]);
    if (flow.key.tunnelled != 0 || fst_mac_votes(&flow.direction[sender]) == 0 || votes == 0 ||
        votes == FST_MAC_MIXED || fst_signs(&flow, static_cast<int>(receiver)) ||
        flow.direction[sender].ttl[0] == 0) {
        return std::nullopt;
    }
    const HeaderFields fields = fields_of(flow, sender);
    const bool is_v4 = end_of(flow.key, sender).is_v4();
    ether_header ethernet{};
    std::ranges::copy(flow.mac[receiver], ethernet.ether_dhost);
    std::ranges::copy(flow.mac[sender], ethernet.ether_shost);
    ethernet.ether_type = ::htons(is_v4 ? ETHERTYPE_IP : ETHERTYPE_IPV6);
    if (is_v4) {
        Ipv4Headers headers(fields);
        headers.ip.check = ::htons(checksum(add_words(bytes_of(headers.ip))));
        headers.tcp.check = tcp_checksum(fields, headers.tcp);
        return frame_of(ethernet, headers);
    }
    Ipv6Headers headers(fields);
    headers.tcp.check = tcp_checksum(fields, headers.tcp);
    return frame_of(ethernet, headers);
}

}  // namespace flowstamp::net
