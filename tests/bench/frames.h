// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The frames for the measured programs. The mutator varies the client.
#pragma once

#include <algorithm>
#include <iterator>

#include "tests/bench/program_runs.h"
#include "tests/support/packet.h"

namespace flowstamp::bench {

namespace packet = flowstamp::testing;

enum class Options { none, timestamps, unusual };

/// What the two ends' clocks show. Each echoes the other's: a stack takes no SYN-ACK that does not.
constexpr std::uint32_t kClientClock = 1000, kServerClock = 2000;

inline std::vector<packet::TcpOption> tcp_options(Options options, std::uint32_t clock,
                                                  std::uint32_t echo) {
    std::vector<packet::TcpOption> bytes;
    if (options == Options::unusual) {  // SACK first: the timestamps are not at their usual offset
        bytes = {packet::Nop{}, packet::Nop{}, packet::Sack{{{7000, 8000}}}};
    }
    if (options != Options::none) {
        std::ranges::copy(packet::nop_nop_timestamps(clock, echo), std::back_inserter(bytes));
    }
    return bytes;
}

struct Segment {
    std::uint32_t seq = 1001;
    std::uint32_t ack = 5001;
    packet::TcpFlags flags = packet::Ack;
    Options options = Options::timestamps;
    std::uint8_t ttl = 64;
    std::uint16_t payload = 0;  ///< bytes
};

/// Room for what is under way.
constexpr std::uint16_t kWindow = 64240;

inline packet::Tcp tcp_from_client(const Segment& segment) {
    return {.src_port = 40000,
            .dst_port = 443,
            .seq = segment.seq,
            .ack = segment.ack,
            .flags = segment.flags,
            .window = kWindow,
            .options = tcp_options(segment.options, kClientClock, kServerClock)};
}

inline Bytes from_client(const Segment& segment) {
    return (packet::Ethernet{} /
            packet::Ipv4{
                .src = "10.0.0.0", .dst = "198.51.100.7", .ttl = segment.ttl, .id = 0x1234} /
            tcp_from_client(segment) / packet::filler(segment.payload))
        .bytes();
}

inline Bytes from_client_v6(const Segment& segment) {
    return (packet::Ethernet{} / packet::Ipv6{} / tcp_from_client(segment) /
            packet::filler(segment.payload))
        .bytes();
}

inline Bytes from_client_v6_extended(const Segment& segment) {
    return (packet::Ethernet{} / packet::Ipv6{} / packet::HopByHop{} / tcp_from_client(segment))
        .bytes();
}

inline Bytes from_server(const Segment& segment) {
    return (packet::Ethernet{} /
            packet::Ipv4{
                .src = "198.51.100.7", .dst = "10.0.0.0", .ttl = segment.ttl, .id = 0x4321} /
            packet::Tcp{.src_port = 443,
                        .dst_port = 40000,
                        .seq = segment.seq,
                        .ack = segment.ack,
                        .flags = segment.flags,
                        .window = kWindow,
                        .options = tcp_options(segment.options, kServerClock, kClientClock)})
        .bytes();
}

}  // namespace flowstamp::bench
