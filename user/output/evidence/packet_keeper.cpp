// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/evidence/packet_keeper.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "user/net/endpoint_hash.h"

namespace flowstamp::output {

namespace {

// What the allocator and vectors that grow take besides, about.
constexpr std::size_t kFlowBytes = 512;
constexpr std::size_t kPacketBytes = 64;

std::size_t bytes_of(const KeptPacket& packet) {
    return sizeof(KeptPacket) + packet.bytes.capacity() + kPacketBytes;
}

/// Another connection begins on these ports.
bool begins_another(const KeptPacket& syn, const std::vector<KeptPacket>& first) {
    return !syn.is_icmp && (syn.tcp_flags & (FST_TCP_SYN | FST_TCP_ACK)) == FST_TCP_SYN &&
           std::ranges::none_of(first, [&](const KeptPacket& its) {
               return its.sender == syn.sender && its.seq == syn.seq;
           });
}

}  // namespace

KeptPacket kept(const fst_packet& packet, std::uint64_t number) {
    return {.number = number,
            .time = Nanoseconds(static_cast<Nanoseconds::rep>(packet.time_ns)),
            .seq = packet.seq,
            .ip_id = packet.ip_id,
            .sender = static_cast<std::uint8_t>(packet.direction & 1U),
            .ttl = packet.ttl,
            .tcp_flags = packet.tcp_flags};
}

fst_flow_key without_interface(const fst_flow_key& key) {
    fst_flow_key same = key;
    same.ifindex = 0;
    return same;
}

std::size_t FlowKeyHash::operator()(const fst_flow_key& key) const noexcept {
    std::array<std::uint32_t, sizeof(key) / sizeof(std::uint32_t)> words{};
    static_assert(sizeof(words) == sizeof(key));
    std::memcpy(words.data(), &key, sizeof(key));
    std::uint64_t hash = net::hash_seed();
    for (const std::uint32_t word : words) {
        hash = net::mixed(hash, word);
    }
    return hash;
}

bool FlowKeyEqual::operator()(const fst_flow_key& one, const fst_flow_key& other) const noexcept {
    return std::memcmp(&one, &other, sizeof(one)) == 0;
}

const KeptPacket& PacketKeeper::keep(const fst_flow_key& key, KeptPacket packet) {
    const auto known = by_key_.find(key);
    if (known == by_key_.end()) {
        flows_.push_front({.key = key, .bytes = kFlowBytes});
        by_key_.emplace(key, flows_.begin());
        bytes_ += kFlowBytes;
    } else {
        flows_.splice(flows_.begin(), flows_, known->second);
    }
    Flow& flow = flows_.front();
    const std::size_t before = flow.bytes;
    if (begins_another(packet, flow.first)) {
        for (const KeptPacket& its : flow.first) {
            flow.bytes -= bytes_of(its);
        }
        flow.first.clear();
    }
    flow.bytes += bytes_of(packet);
    packet.nth = ++flow.seen;
    Latest& latest = flow.latest.at(packet.sender);
    const KeptPacket* kept = nullptr;
    if (flow.first.size() < kFirst) {
        kept = &flow.first.emplace_back(std::move(packet));
    } else if (latest.packets.size() < kLatest) {
        kept = &latest.packets.emplace_back(std::move(packet));
    } else {
        KeptPacket& oldest = latest.packets[latest.oldest];
        flow.bytes -= bytes_of(oldest);
        oldest = std::move(packet);
        latest.oldest = (latest.oldest + 1) % kLatest;
        kept = &oldest;
    }
    bytes_ += flow.bytes - before;
    while (bytes_ > most_bytes_ && flows_.size() > 1) {
        forget_oldest();
    }
    return *kept;
}

void PacketKeeper::forget_oldest() {
    bytes_ -= flows_.back().bytes;
    by_key_.erase(flows_.back().key);
    flows_.pop_back();
}

std::vector<KeptPacket> PacketKeeper::packets_of(const fst_flow_key& key) const {
    const auto known = by_key_.find(key);
    if (known == by_key_.end()) {
        return {};
    }
    const Flow& flow = *known->second;
    std::vector<KeptPacket> all = flow.first;
    for (const Latest& latest : flow.latest) {
        all.insert(all.end(), latest.packets.begin(), latest.packets.end());
    }
    std::ranges::sort(all, {}, &KeptPacket::number);
    return all;
}

void PacketKeeper::clear() {
    flows_.clear();
    by_key_.clear();
    bytes_ = 0;
}

}  // namespace flowstamp::output
