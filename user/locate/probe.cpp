// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/locate/probe.h"

#include <netinet/in.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <span>

#include "user/base/checksum.h"
#include "user/net/endpoint.h"
#include "user/net/packet_headers.h"

namespace flowstamp::locate {

namespace {

/// No-op, no-op, timestamps (RFC 7323, appendix A).
using TimestampsOption = std::array<std::uint8_t, 12>;

TimestampsOption timestamps_option(std::uint32_t value, std::uint32_t echo) {
    TimestampsOption option{1, 1, 8, 10};
    constexpr std::size_t kValueAt = 4, kEchoAt = 8;
    value = ::htonl(value);
    echo = ::htonl(echo);
    std::memcpy(option.data() + kValueAt, &value, sizeof(value));
    std::memcpy(option.data() + kEchoAt, &echo, sizeof(echo));
    return option;
}

net::HeaderFields fields_of(const Probe& probe, const FlowPoint& point,
                            std::uint32_t option_bytes) {
    const unsigned own = point.own & 1U;
    return {.source = point.key.address[own],
            .destination = point.key.address[own ^ 1U],
            .source_port = point.key.port[own],
            .destination_port = point.key.port[own ^ 1U],
            .seq = probe.seq,
            .ack = probe.ack,
            .payload = option_bytes,  // to the IP header, options are part of the rest, as data is
            .flow_label = 0,
            .ip_id = probe.ip_id,
            .window = point.window,
            .protocol = IPPROTO_TCP,
            .traffic_class = 0,
            .ttl = probe.ttl,
            .tcp_flags = FST_TCP_ACK,
            .dont_fragment = point.dont_fragment,
            .more_fragments = false};
}

/// With the TCP checksum (RFC 9293, section 3.1; RFC 8200, section 8.1); the kernel fills in IPv4's.
template <class Headers>
std::vector<std::uint8_t> finished(Headers headers, const FlowPoint& point,
                                   std::span<const std::uint8_t> options) {
    const auto bytes = [](const auto& its) {
        return std::span(reinterpret_cast<const std::uint8_t*>(&its), sizeof(its));
    };
    headers.tcp.th_off = static_cast<std::uint8_t>((sizeof(tcphdr) + options.size()) / 4) & 0xf;
    // Of an IPv4 address the mapping adds 0xffff, which is 0 in this sum.
    std::uint32_t sum = add_words(bytes(point.key.address)) + IPPROTO_TCP +
                        static_cast<std::uint32_t>(sizeof(tcphdr) + options.size());
    sum = add_words(bytes(headers.tcp), add_words(options, sum));
    headers.tcp.th_sum = ::htons(checksum(sum));
    const auto written = bytes(headers);
    std::vector<std::uint8_t> packet(written.begin(), written.end());
    packet.insert(packet.end(), options.begin(), options.end());
    return packet;
}

}  // namespace

bool FlowPoint::is_v4() const {
    return net::end_of(key, own).is_v4();
}

std::optional<FlowPoint> point_of(const fst_flow& flow, unsigned own) {
    const fst_direction& here = flow.direction[own & 1U];
    const fst_direction& peer = flow.direction[(own & 1U) ^ 1U];
    if (!(here.flags & peer.flags & FST_DIRECTION_ACKED)) {
        return std::nullopt;
    }
    return FlowPoint{.key = flow.key,
                     .own = own & 1U,
                     .unacknowledged = peer.ack_edge,
                     .ack = here.ack_edge,
                     .window = here.window,
                     .has_timestamps = (flow.state & FST_FLOW_TS) != 0,
                     .ts_val = here.ts_val,
                     .ts_ecr = peer.ts_val,
                     .dont_fragment = (here.flags & FST_DIRECTION_DF) != 0};
}

void number_probe(Probe& probe, const FlowPoint& point) {
    probe.seq = point.unacknowledged - 1 - probe.number;
    probe.ack = point.ack;
}

std::vector<std::uint8_t> packet_of(const Probe& probe, const FlowPoint& point) {
    const TimestampsOption option = timestamps_option(point.ts_val, point.ts_ecr);
    const std::span<const std::uint8_t> options(option.data(),
                                                point.has_timestamps ? option.size() : 0);
    const net::HeaderFields fields =
        fields_of(probe, point, static_cast<std::uint32_t>(options.size()));
    return point.is_v4() ? finished(net::Ipv4Headers(fields), point, options)
                         : finished(net::Ipv6Headers(fields), point, options);
}

}  // namespace flowstamp::locate
