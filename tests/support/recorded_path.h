// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Two captures of one path, packet by packet:
//
//     RecordedPath path;                       // 192.0.2.1:40000 (at A) > 198.51.100.7:443 (at B)
//     path.open();                             // the handshake
//     path.from_server({.seq = path.server_next, .ack = ...}, 100);
//     path.only_at_a(...);                     // as a box forges it
//     Compared compared = path.compared();
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "tests/support/capture_file.h"
#include "tests/support/packet.h"
#include "tests/support/recorded_frames.h"
#include "user/analysis/compare/comparison.h"

namespace flowstamp::testing {

using namespace std::chrono_literals;

/// Where a packet is recorded; what the way does to it.
struct PacketFate {
    bool at_sender = true;
    bool at_receiver = true;
    std::chrono::nanoseconds delay = 5ms;
    std::uint8_t routers = 3;
    std::optional<Tcp> changed{};                ///< as it is received
    std::optional<std::uint16_t> id{};           ///< IP-ID; else the next one
    std::optional<std::uint16_t> received_id{};  ///< else as it was sent
    std::uint8_t tos = 0;
    std::optional<std::uint8_t> received_tos{};
};

class RecordedPath {
  public:
    std::chrono::nanoseconds now = 1000s;
    std::chrono::nanoseconds b_ahead = 0s;  ///< B's clock
    std::uint16_t client_port = 40000;
    std::string client = "192.0.2.1";
    std::string client_at_b = "192.0.2.1";  ///< another one: NAT
    std::uint16_t client_port_at_b = 40000;
    std::uint32_t client_next = 1000;
    std::uint32_t server_next = 9000;

    /// A packet of the client, or the server; ports are filled in. Time goes on by 1 ms.
    void from_client(const Tcp& tcp, std::size_t bytes = 0, const PacketFate& fate = {}) {
        send(tcp, bytes, fate, true);
    }
    void from_server(const Tcp& tcp, std::size_t bytes = 0, const PacketFate& fate = {}) {
        send(tcp, bytes, fate, false);
    }

    /// 100 bytes of the client that are eaten on the way, so often, 300 ms apart.
    void lose_upload(int times) {
        for (int i = 0; i < times; i++) {
            from_client({.seq = client_next, .ack = server_next}, 100, {.at_receiver = false});
            now += 300ms;
        }
    }

    /// SYN, SYN-ACK, ACK.
    void open(const std::vector<TcpOption>& options = {}) {
        from_client({.seq = client_next++, .flags = Syn, .options = options});
        now += 10ms;
        from_server({.seq = server_next++, .ack = client_next, .flags = Syn | Ack});
        now += 10ms;
        from_client({.seq = client_next, .ack = server_next});
    }
    /// Another connection of the same client.
    void reopen(std::uint16_t port, std::uint32_t isn) {
        client_port = client_port_at_b = port;
        client_next = isn;
        server_next = isn + 0x1000000;
        open();
    }
    /// Data of the server, each acknowledged.
    void download(unsigned packets, std::size_t bytes = 100, const PacketFate& fate = {}) {
        for (unsigned i = 0; i < packets; i++) {
            from_server({.seq = server_next, .ack = client_next, .flags = Psh | Ack}, bytes, fate);
            server_next += static_cast<std::uint32_t>(bytes);
            now += 6ms;
            from_client({.seq = client_next, .ack = server_next});
        }
    }
    void upload(unsigned packets, std::size_t bytes = 100, const PacketFate& fate = {}) {
        for (unsigned i = 0; i < packets; i++) {
            from_client({.seq = client_next, .ack = server_next, .flags = Psh | Ack}, bytes, fate);
            client_next += static_cast<std::uint32_t>(bytes);
            now += 6ms;
            from_server({.seq = server_next, .ack = client_next});
        }
    }
    /// So many packets of another connection that a capture without a gap in them is complete.
    void talk_beside(std::uint32_t isn = 0x40000000) {
        const auto saved = std::tuple(client_port, client_port_at_b, client_next, server_next);
        reopen(50000, isn);
        upload(60);
        download(60);
        std::tie(client_port, client_port_at_b, client_next, server_next) = saved;
    }
    /// A reset in the server's name that only A records, or in the client's that only B does.
    void forge_to_client(std::optional<std::uint32_t> seq = std::nullopt) {
        from_server({.seq = seq.value_or(server_next), .flags = Rst}, 0,
                    {.at_sender = false, .routers = 1});
    }
    void forge_to_server(std::optional<std::uint32_t> seq = std::nullopt) {
        from_client({.seq = seq.value_or(client_next), .flags = Rst}, 0,
                    {.at_sender = false, .routers = 1});
    }

    [[nodiscard]] RecordedFrames& a() { return a_; }
    [[nodiscard]] RecordedFrames& b() { return b_; }

    [[nodiscard]] analysis::compare::Compared compared() const {
        return compare(recording_of(pcap_of(a_), "a.pcap"), recording_of(pcap_of(b_), "b.pcap"));
    }

  private:
    void send(const Tcp& tcp, std::size_t bytes, const PacketFate& fate, bool is_client) {
        const std::uint16_t id = fate.id.value_or(id_);
        if (fate.at_sender) {
            record(is_client ? a_ : b_, tcp, bytes, is_client, is_client, 0ns, 64, fate.tos, id);
        }
        if (fate.at_receiver) {
            record(is_client ? b_ : a_, fate.changed.value_or(tcp), bytes, is_client, !is_client,
                   fate.delay, static_cast<std::uint8_t>(64 - fate.routers),
                   fate.received_tos.value_or(fate.tos), fate.received_id.value_or(id));
        }
        now += 1ms;
        id_++;
    }

    void record(RecordedFrames& frames, Tcp tcp, std::size_t bytes, bool is_client, bool is_a,
                std::chrono::nanoseconds delay, std::uint8_t ttl, std::uint8_t tos,
                std::uint16_t id) {
        const std::string& its = is_a ? client : client_at_b;
        const std::uint16_t port = is_a ? client_port : client_port_at_b;
        const std::string server = "198.51.100.7";
        tcp.src_port = is_client ? port : 443;
        tcp.dst_port = is_client ? 443 : port;
        const Packet packet = Ethernet{} /
                              Ipv4{.src = is_client ? its : server,
                                   .dst = is_client ? server : its,
                                   .ttl = ttl,
                                   .id = id,
                                   .tos = tos} /
                              tcp / filler(bytes);
        const Bytes frame = packet.bytes();
        frames.push_back({.time = now + delay + (is_a ? 0ns : b_ahead),
                          .original = static_cast<std::uint32_t>(frame.size()),
                          .bytes = frame});
        std::ranges::stable_sort(frames, {}, &RecordedFrame::time);
    }

    RecordedFrames a_;
    RecordedFrames b_;
    std::uint16_t id_ = 1;
};

}  // namespace flowstamp::testing
