// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/netns/acceptance_forger.h"

#include <fmt/format.h>

#include <algorithm>

#include "flowstamp/acceptance_rules.h"

namespace flowstamp::lab {
namespace {

namespace wire = flowstamp::testing;

std::string flags_text(std::uint8_t flags) {
    std::string text;
    for (const auto& [bit, letter] :
         {std::pair{0x02, 'S'}, {0x01, 'F'}, {0x04, 'R'}, {0x08, 'P'}, {0x10, 'A'}, {0x20, 'U'}}) {
        if ((flags & bit) != 0) {
            text += letter;
        }
    }
    return text.empty() ? "-" : text;
}

std::int32_t signed_of(std::uint32_t distance) {
    return static_cast<std::int32_t>(distance);
}

bool knows(const fst_direction& own, std::uint8_t ttl) {
    return (own.flags & FST_DIRECTION_TTL_MANY) != 0 ||
           std::ranges::find(own.ttl, ttl) != std::end(own.ttl);
}

}  // namespace

std::string Crafted::text(const SocketView& receiver) const {
    return fmt::format(
        "{}{}{} seq rcv_nxt{:+} (wup{:+}, edge{:+}) length {} ack una{:+} (nxt{:+}) window {} ttl "
        "{} "
        "id {} ts {}",
        own_name ? "own name, " : "", damaged ? "damaged, " : "", flags_text(flags),
        signed_of(seq - receiver.rcv_nxt), signed_of(seq - receiver.rcv_wup),
        signed_of(seq - receiver.right_edge), payload, signed_of(ack - receiver.snd_una),
        signed_of(ack - receiver.snd_nxt), window, ttl, ip_id,
        timestamps ? fmt::format("{}", timestamps->val) : "none");
}

std::uint8_t Forger::pick_flags() {
    using namespace wire;
    const std::uint32_t dice = below(100);
    if (dice < 38) {
        return Ack;
    }
    if (dice < 64) {
        return Psh | Ack;
    }
    if (dice < 95) {
        return static_cast<std::uint8_t>(
            pick({Fin | Ack, Fin | Ack, Fin | Psh | Ack, Rst, Rst | Ack, Syn, Syn | Ack, NoFlags,
                  Psh, Fin, Urg | Ack, Urg | Psh}));
    }
    return static_cast<std::uint8_t>(any());
}

std::uint32_t Forger::pick_payload() {
    return chance(45) ? 0 : pick({1, 2, 10, 100, 536, 1000, 1400, 1 + below(1400)});
}

/// `length`: of the segment, as many of the places are reached by its end.
std::uint32_t Forger::pick_seq(const SocketView& receiver, const fst_flow& flow, int peer,
                               std::uint32_t length) {
    const std::uint32_t window = receiver.right_edge - receiver.rcv_nxt;
    const std::uint32_t near = pick({0, 0, 1, ~0U});
    if (chance(45)) {
        return receiver.rcv_nxt;
    }
    switch (below(14)) {
        case 0:
            return receiver.rcv_wup + near;
        case 1:
            return receiver.rcv_nxt + near;
        case 2:
            return receiver.rcv_wup - length + near;
        case 3:
            return receiver.rcv_nxt - length + near;
        case 4:
            return receiver.right_edge + near;
        case 5:
            return receiver.right_edge - length + near;
        case 6:
            return receiver.rcv_nxt + 1 + below(3000);
        case 7:
            return receiver.rcv_nxt + below(window + 1);
        case 8:
            return receiver.rcv_nxt - 1 - below(5000);
        case 9:
            return receiver.rcv_nxt - pick({1U << 20, FST_SEQUENCE_REACH, 100'000'000}) + near;
        case 10:
            return receiver.right_edge + 1 + below(FST_SEQUENCE_REACH);
        case 11:
            return flow.isn[peer] + near;
        case 12:
            return flow.direction[peer].seq_edge + near;
        default:
            return any();
    }
}

std::uint32_t Forger::pick_ack(const SocketView& receiver) {
    const std::uint32_t sent = receiver.snd_nxt - receiver.snd_una;
    const std::uint32_t near = pick({0, 0, 1, ~0U});
    const auto acked = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(receiver.info.tcpi_bytes_acked, receiver.max_window));
    if (chance(50)) {
        return chance(75) ? receiver.snd_una : receiver.snd_una + below(sent + 1);
    }
    switch (below(9)) {
        case 0:
            return receiver.snd_una + near;
        case 1:
            return receiver.snd_nxt + near;
        case 2:
            return receiver.snd_una + below(sent + 1);
        case 3:
            return receiver.snd_una - 1 - below(3000);
        case 4:
            return receiver.snd_una - acked + near;
        case 5:
            return receiver.snd_una - receiver.max_window + near;
        case 6:
            return receiver.snd_una - FST_SEQUENCE_REACH + near;
        case 7:
            return receiver.snd_nxt + 1 + below(1U << 20);
        default:
            return any();
    }
}

std::optional<testing::Timestamps> Forger::pick_timestamps(const fst_flow& flow, int peer,
                                                           bool used) {
    if (chance(used ? 8 : 85)) {
        return std::nullopt;
    }
    const std::uint32_t echo = flow.direction[peer ^ 1].ts_val;
    std::uint32_t value = flow.direction[peer].ts_val;
    if (chance(65)) {
        value += below(20);
    } else if (chance(60)) {
        value -= pick({1, 2, 10, 300, 5'000, 70'000, 5'000'000, 1U << 30, 1 + below(4096)});
    } else {
        value += pick({1000, 1U << 20, 1U << 30, any()});
    }
    return testing::Timestamps{value, chance(90) ? echo : any()};
}

/// What begins and ends nothing, and comes from where its side's packets come, is not summed up:
/// only the others are made wrong.
void Forger::damage(Crafted& crafted, const fst_direction& own) {
    const bool decides = crafted.has(wire::Syn | wire::Fin | wire::Rst) || !knows(own, crafted.ttl);
    crafted.damaged = decides && chance(8);
}

Crafted Forger::craft(const SocketView& receiver, const fst_flow& flow, int peer, bool timestamps) {
    const fst_direction& own = flow.direction[peer];
    Crafted crafted;
    crafted.flags = pick_flags();
    crafted.payload = pick_payload();
    crafted.seq = pick_seq(receiver, flow, peer, crafted.end() - crafted.seq);
    crafted.ack = pick_ack(receiver);
    crafted.timestamps = pick_timestamps(flow, peer, timestamps);
    crafted.window = static_cast<std::uint16_t>(
        chance(60) ? own.window : pick({0, own.window + 1U, own.window - 1U, any()}));
    crafted.ip_id = static_cast<std::uint16_t>(chance(60) ? own.ip_id + 1U : pick({0, any()}));
    crafted.ttl = chance(80) ? own.ttl[0] : static_cast<std::uint8_t>(1 + below(255));
    damage(crafted, own);
    if (chance(4)) {
        crafted.own_name = true;
        crafted.damaged = false;
        std::swap(crafted.seq, crafted.ack);
    }
    return crafted;
}

Frame Forger::frame(const Crafted& crafted, const CutConnection& connection,
                    const Interface& link) {
    const Endpoint& from = crafted.own_name ? connection.our_end() : connection.peer_end();
    const Endpoint& to = crafted.own_name ? connection.peer_end() : connection.our_end();
    wire::Tcp tcp{.src_port = from.port,
                  .dst_port = to.port,
                  .seq = crafted.seq,
                  .ack = crafted.ack,
                  .flags = static_cast<wire::TcpFlags>(crafted.flags),
                  .window = crafted.window,
                  .checksum = crafted.damaged ? wire::Checksum::Wrong : wire::Checksum::Correct};
    if (crafted.timestamps) {
        tcp.options = wire::nop_nop_timestamps(crafted.timestamps->val, crafted.timestamps->ecr);
    }
    const std::string source = from.address.text(), destination = to.address.text();
    const wire::Packet net =
        from.address.family == Family::V6
            ? wire::Packet(wire::Ipv6{.src = source, .dst = destination, .hop_limit = crafted.ttl})
            : wire::Packet(wire::Ipv4{
                  .src = source, .dst = destination, .ttl = crafted.ttl, .id = crafted.ip_id});
    wire::Packet whole = wire::Ethernet{.src = link.neighbour_mac.text(), .dst = link.mac.text()} /
                         net / wire::Packet(tcp);
    if (crafted.payload != 0) {
        whole = whole / wire::Packet(wire::filler(crafted.payload));
    }
    return whole.bytes();
}

}  // namespace flowstamp::lab
