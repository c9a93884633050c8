// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/support/events.h"

#include <arpa/inet.h>

#include <cstring>
#include <stdexcept>
#include <utility>

#include "flowstamp/reset_rules.h"

namespace flowstamp::testing {

namespace {

constexpr Nanoseconds kBegin = std::chrono::seconds(1000);
constexpr Nanoseconds kWallBegin = std::chrono::seconds(1'795'000'000);

void put_address(const std::string& text, __be32 (&address)[4]) {
    std::memset(address, 0, sizeof(address));
    if (::inet_pton(AF_INET, text.c_str(), &address[3]) == 1) {
        address[2] = htonl(0xffff);
    } else if (::inet_pton(AF_INET6, text.c_str(), address) != 1) {
        throw std::invalid_argument(text + " is no address");
    }
}

std::uint64_t ns(Nanoseconds time) {
    return static_cast<std::uint64_t>(time.count());
}

fst_direction example_direction(std::uint8_t ttl, std::uint16_t ip_id, std::uint32_t seq_edge,
                                std::uint32_t ack_edge) {
    fst_direction direction{};
    direction.flags = FST_DIRECTION_SEEN | FST_DIRECTION_TS | FST_DIRECTION_TS_CLOCK |
                      FST_DIRECTION_BASE | FST_DIRECTION_DF | FST_DIRECTION_DATA |
                      FST_DIRECTION_WINDOWS_2 | FST_DIRECTION_ACKED;
    direction.packets = 20;
    direction.bytes = 20'000;
    direction.last_ns = ns(kBegin);
    direction.seq_edge = seq_edge;
    direction.ack_edge = ack_edge;
    direction.ts_val = 700'000;
    direction.ts_offset = 700'000 - static_cast<std::uint32_t>(ns(kBegin) / 1'000'000);
    direction.edge_us = static_cast<std::uint32_t>(ns(kBegin) / 1000);
    direction.min_rtt_us = 20'000;
    direction.window = 501;
    direction.ip_id = ip_id;
    direction.ttl[0] = ttl;
    direction.id_class = static_cast<std::uint8_t>(FST_ID_FLOW | 5 << 4);
    direction.rtt_and_mac = 5;
    for (std::uint8_t i = 0; i < FST_RING_STAMPS; i++) {
        direction.ring[i] = {.time_us = direction.edge_us - 1000U * (FST_RING_STAMPS - 1U - i),
                             .ip_id = static_cast<std::uint16_t>(ip_id - 7 + i),
                             .ttl = ttl,
                             .tcp_flags = FST_TCP_ACK};
    }
    return direction;
}

}  // namespace

fst_flow_key key_of(const std::string& client, std::uint16_t client_port, const std::string& server,
                    std::uint16_t server_port, std::uint32_t ifindex) {
    fst_flow_key key{};
    put_address(client, key.address[kClient]);
    put_address(server, key.address[kServer]);
    key.port[kClient] = htons(client_port);
    key.port[kServer] = htons(server_port);
    key.ifindex = ifindex;
    key.protocol = IPPROTO_TCP;
    return key;
}

fst_flow_key example_key() {
    return key_of("192.0.2.1", 40000, "198.51.100.7", 443, 3);
}

fst_flow example_flow() {
    fst_flow flow{};
    flow.tag = 0x1234'5678'9abc'def0;
    flow.key = example_key();
    flow.generation = 1;
    flow.state =
        FST_OF(FST_FLOW_SYN, kClient) | FST_OF(FST_FLOW_SYN_ACK, kServer) | FST_FLOW_ESTABLISHED;
    flow.isn[kClient] = 2000;
    flow.isn[kServer] = 4000;
    flow.direction[kClient] = example_direction(63, 0x0500, 2001, 5000);
    flow.direction[kServer] = example_direction(52, 0x1a2b, 5000, 2001);
    return flow;
}

FlowScript::FlowScript(const fst_flow& flow, std::uint32_t slot, std::string interface)
    : flow_(flow), slot_(slot), interface_(std::move(interface)), now_(kBegin) {}

FlowScript& FlowScript::at(Nanoseconds time) {
    now_ = kBegin + time;
    return *this;
}

FlowScript& FlowScript::after(Nanoseconds length) {
    now_ += length;
    return *this;
}

analysis::Observation FlowScript::observation(fst_event_kind kind, std::uint8_t from) {
    analysis::Observation observation;
    fst_event& event = observation.event;
    event.header = {.version = FST_CONTRACT_VERSION,
                    .kind = static_cast<std::uint8_t>(kind),
                    .size = sizeof(fst_event),
                    .cpu = 0};
    event.packet.time_ns = ns(now_);
    event.packet.key = flow_.key;
    event.packet.direction = from;
    event.packet.flags = FST_PACKET_DF;
    event.packet.segments = 1;
    event.packet.tcp_header = 20;
    event.packet.ip_bytes = 40;
    event.packet.ttl = flow_.direction[from].ttl[0];
    event.slot = slot_;
    event.generation = flow_.generation;
    observation.interface = interface_;
    observation.wall = kWallBegin + now_ - kBegin;
    return observation;
}

analysis::Observation FlowScript::rst(const RstDetails& details) {
    analysis::Observation observation = this->observation(FST_EVENT_RST, details.from);
    fst_packet& packet = observation.event.packet;
    packet.seq = details.seq;
    packet.ack = details.ack;
    packet.tcp_flags = details.tcp_flags;
    packet.ttl = details.ttl;
    packet.ip_id = details.ip_id;
    packet.window = details.window;
    if (details.ts_val) {
        packet.flags |= FST_PACKET_TS | FST_PACKET_OPTIONS;
        packet.ts_val = *details.ts_val;
    }
    fst_judgement& judgement = observation.event.judgement;
    judgement.signals = details.signals;
    judgement.context = details.context;
    judgement.verdict = static_cast<std::uint8_t>(
        details.verdict.value_or(fst_conclude(details.signals, details.context)));
    judgement.cause = static_cast<std::uint8_t>(
        judgement.verdict == FST_VERDICT_GENUINE ? details.cause : FST_CAUSE_FORGED);
    judgement.action = static_cast<std::uint8_t>(details.action);
    judgement.challenge = static_cast<std::uint8_t>(details.challenge);
    judgement.pass_reason =
        details.action == FST_ACTION_OBSERVED ? details.passed : FST_PASS_NOT_SUSPECT;
    judgement.hops = fst_hops(details.ttl);
    judgement.base_hops = fst_hops(flow_.direction[details.from].ttl[0]);
    // The kernel updates the reset state before it reports: a RST within 2 s belongs to the burst.
    const auto us = static_cast<std::uint32_t>(packet.time_ns / 1000);
    if (!(flow_.state & FST_OF(FST_FLOW_AFTER_RST, details.from)) ||
        us - flow_.rst_us[details.from] > 2'000'000) {
        flow_.state |= FST_OF(FST_FLOW_AFTER_RST, details.from);
        flow_.rst_us[details.from] = us;
    }
    observation.slot = flow_;
    return observation;
}

analysis::Observation FlowScript::later(const LaterDetails& details) {
    analysis::Observation observation = this->observation(FST_EVENT_AFTER_RST, details.from);
    fst_packet& packet = observation.event.packet;
    packet.seq = details.seq;
    packet.ack = details.ack;
    packet.payload = details.payload;
    packet.ip_bytes += details.payload;
    packet.tcp_flags = FST_TCP_ACK;
    packet.ttl = details.ttl;
    packet.ip_id = details.ip_id;
    packet.flags = details.flags;
    if (details.ts_val) {
        packet.flags |= FST_PACKET_TS | FST_PACKET_OPTIONS;
        packet.ts_val = *details.ts_val;
    }
    observation.event.judgement.signals = details.signals;
    observation.event.judgement.challenge = static_cast<std::uint8_t>(details.challenge);
    return observation;
}

analysis::Observation FlowScript::syn(std::uint32_t seq, std::uint16_t flags) {
    analysis::Observation observation = this->observation(FST_EVENT_SYN, kClient);
    observation.event.packet.seq = seq;
    observation.event.packet.tcp_flags = FST_TCP_SYN;
    observation.event.packet.flags |= flags;
    return observation;
}

analysis::Observation FlowScript::syn_ack(std::uint32_t seq, std::uint32_t ack) {
    analysis::Observation observation = this->observation(FST_EVENT_SYN_ACK, kServer);
    observation.event.packet.seq = seq;
    observation.event.packet.ack = ack;
    observation.event.packet.tcp_flags = FST_TCP_SYN | FST_TCP_ACK;
    return observation;
}

}  // namespace flowstamp::testing
