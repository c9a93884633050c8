// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A router that is watched on both sides, without a kernel: eth1 to the client, eth2 to the server.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "tests/support/packet.h"
#include "tests/unit/analysis_bench.h"

namespace flowstamp::testing {

inline constexpr std::uint32_t kInside = 1, kOutside = 2;

/// One connection through it.
struct RoutedTalk {
    bool v6 = false;
    bool translates = false;  ///< it masquerades: the server sees another client
    std::uint16_t port = 40000;
    std::uint32_t client_isn = 0x70000000, server_isn = 0x10000000;
    std::uint32_t client_next = client_isn, server_next = server_isn;
    std::uint16_t client_id = 100, server_id = 9000;
};

class WatchedRouterTest : public ::testing::Test {
  protected:
    enum class Side { client, server };
    struct Segment {
        Side from = Side::server;
        TcpFlags flags = Ack;
        std::uint32_t seq = 0, ack = 0;
        std::size_t payload = 0;
        std::uint16_t id = 0, window = 502;
        std::uint8_t ttl = 57;  ///< as it comes in
    };

    /// The frame as it is at that side of the router.
    static Bytes frame(const RoutedTalk& talk, const Segment& segment, Side at, std::uint8_t ttl) {
        const bool translated = talk.translates && at == Side::server;
        const std::string client = talk.v6      ? "2001:db8::1"
                                   : translated ? "203.0.113.9"
                                                : "192.0.2.1";
        const std::string server = talk.v6 ? "2001:db8:7::7" : "198.51.100.7";
        const auto port = static_cast<std::uint16_t>(talk.port + (translated ? 1000 : 0));
        const bool is_client = segment.from == Side::client;
        const Tcp tcp{.src_port = is_client ? port : std::uint16_t{443},
                      .dst_port = is_client ? std::uint16_t{443} : port,
                      .seq = segment.seq,
                      .ack = segment.ack,
                      .flags = segment.flags,
                      .window = segment.window};
        const std::string& from = is_client ? client : server;
        const std::string& to = is_client ? server : client;
        const Packet packet =
            talk.v6 ? Ethernet{} / Ipv6{.src = from, .dst = to, .hop_limit = ttl} / tcp
                    : Ethernet{} / Ipv4{.src = from, .dst = to, .ttl = ttl, .id = segment.id} / tcp;
        return segment.payload == 0 ? packet.bytes() : (packet / filler(segment.payload)).bytes();
    }
    static std::uint32_t interface_of(Side side) {
        return side == Side::client ? kInside : kOutside;
    }
    void come_in(const RoutedTalk& talk, const Segment& segment) {
        const Bytes bytes = frame(talk, segment, segment.from, segment.ttl);
        bench.rig().run(FST_HOOK_TC_INGRESS,
                        {.bytes = bytes, .ifindex = interface_of(segment.from)});
    }
    /// `came_in_by`: 0 for what the router makes itself.
    void leave(const RoutedTalk& talk, const Segment& segment, std::uint32_t came_in_by) {
        const Side to = segment.from == Side::client ? Side::server : Side::client;
        const auto ttl = static_cast<std::uint8_t>(segment.ttl - (came_in_by != 0 ? 1 : 0));
        const Bytes bytes = frame(talk, segment, to, ttl);
        bench.rig().run(FST_HOOK_TC_EGRESS,
                        {.bytes = bytes, .ifindex = interface_of(to), .came_in_by = came_in_by});
    }
    void forward(const RoutedTalk& talk, const Segment& segment) {
        come_in(talk, segment);
        bench.rig().advance_us(20);
        leave(talk, segment, interface_of(segment.from));
        bench.rig().advance_ms(10);
    }

    void handshake(RoutedTalk& talk) {
        forward(talk, {.from = Side::client, .flags = Syn, .seq = talk.client_next++});
        forward(talk, {.flags = Syn | Ack, .seq = talk.server_next++, .ack = talk.client_next});
        acknowledge(talk);
    }
    void acknowledge(RoutedTalk& talk) {
        forward(talk, {.from = Side::client,
                       .seq = talk.client_next,
                       .ack = talk.server_next,
                       .id = talk.client_id++});
    }
    /// The server sends data, the client acknowledges it.
    void exchange(RoutedTalk& talk, int times = 4) {
        for (int i = 0; i < times; i++) {
            forward(talk, {.flags = Ack | Psh,
                           .seq = talk.server_next,
                           .ack = talk.client_next,
                           .payload = 1000,
                           .id = talk.server_id++});
            talk.server_next += 1000;
            acknowledge(talk);
        }
    }
    static RoutedTalk with(bool v6, bool translates) {
        RoutedTalk talk;
        talk.v6 = v6;
        talk.translates = translates;
        return talk;
    }
    /// A reset in the server's name, as a kernel that does not know the connection makes it.
    static Segment reset(const RoutedTalk& talk, std::uint8_t ttl = 64) {
        return {.flags = Rst, .seq = talk.server_next, .window = 0, .ttl = ttl};
    }
    static Segment client_reset(const RoutedTalk& talk) {
        return {
            .from = Side::client, .flags = Rst, .seq = talk.client_next, .window = 0, .ttl = 64};
    }

    [[nodiscard]] bool says_made_here() const {
        return !bench.resets().empty() &&
               (bench.resets().back().judgement.signals & FST_SIGNAL_BIT(FST_SIGNAL_MADE_HERE));
    }

    AnalysisBench bench;
};

}  // namespace flowstamp::testing
