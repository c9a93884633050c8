// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/compare/recording.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <tuple>

#include "user/net/endpoint_hash.h"

namespace flowstamp::analysis::compare {

namespace {

fst_flow_key without_interface(fst_flow_key key) {
    key.ifindex = 0;
    return key;
}

constexpr std::uint16_t kOptionFlags = FST_PACKET_TS | FST_PACKET_MSS | FST_PACKET_WSCALE |
                                       FST_PACKET_SACK | FST_PACKET_MPTCP | FST_PACKET_OPTIONS;

/// Never 0, which stands for too few bytes. Equal data has equal hashes; that other data has the
/// same is rare, and then goes unnoticed.
std::uint16_t head_of(std::span<const std::uint8_t> data) {
    if (data.size() < Recording::kHeadBytes) {
        return 0;
    }
    std::array<std::uint64_t, 2> words{};
    static_assert(sizeof(words) == Recording::kHeadBytes);
    std::memcpy(words.data(), data.data(), sizeof(words));
    const std::uint64_t hash = net::mixed(net::mixed(net::hash_seed(), words[0]), words[1]);
    return static_cast<std::uint16_t>(hash >> 48U | 1U);
}

}  // namespace

std::size_t Recording::KeyHash::operator()(const fst_flow_key& key) const noexcept {
    std::array<std::uint64_t, (sizeof(key) + 7) / 8> words{};
    std::memcpy(words.data(), &key, sizeof(key));
    std::uint64_t hash = net::hash_seed();
    for (const std::uint64_t word : words) {
        hash = net::mixed(hash, word);
    }
    return hash;
}

bool Recording::KeyEqual::operator()(const fst_flow_key& one,
                                     const fst_flow_key& other) const noexcept {
    return std::memcmp(&one, &other, sizeof(one)) == 0;
}

/// A SYN with another number than the connection's own begins another one on the same ports; so
/// does any SYN behind packets of a connection whose SYN is not there. Not one that was recorded
/// behind its answer, or behind what followed it.
bool Recording::begins_another(const View& view, const fst_packet& packet) const {
    if ((packet.tcp_flags & (FST_TCP_SYN | FST_TCP_ACK | FST_TCP_RST)) != FST_TCP_SYN) {
        return false;
    }
    const unsigned sender = packet.direction & 1U;
    if (view.isn[sender]) {
        return *view.isn[sender] != packet.seq;
    }
    const bool goes_with_the_others = view.count[sender] == 0
                                          ? view.isn[sender ^ 1U].has_value()
                                          : view.first_seq[sender] == packet.seq + 1;
    return !goes_with_the_others;
}

std::uint32_t Recording::open(const fst_packet& packet) {
    const auto index = static_cast<std::uint32_t>(views_.size());
    View& view = views_.emplace_back();
    view.key = packet.key;
    view.is_midway = (packet.tcp_flags & (FST_TCP_SYN | FST_TCP_ACK | FST_TCP_RST)) != FST_TCP_SYN;
    ports_[without_interface(packet.key)].push_back(index);
    return index;
}

std::uint32_t Recording::view_of(const fst_packet& packet) {
    const auto [entry, is_new] = open_.try_emplace(packet.key, 0);
    if (is_new) {
        entry->second = open(packet);
    } else if (begins_another(views_[entry->second], packet)) {
        views_[entry->second].has_successor = true;
        entry->second = open(packet);
        views_[entry->second].succeeds = true;
    }
    return entry->second;
}

void Recording::add(const fst_packet& packet, std::uint64_t frame,
                    std::span<const std::uint8_t> data) {
    if (packets_.size() >= most_) {
        left_out_++;
        return;
    }
    const std::uint32_t index = view_of(packet);
    const unsigned sender = packet.direction & 1U;
    View& view = views_[index];
    if (view.count[sender]++ == 0) {
        view.first_seq[sender] = packet.seq;
    }
    has_options_ = has_options_ || (packet.flags & kOptionFlags);
    if ((packet.tcp_flags & (FST_TCP_SYN | FST_TCP_RST)) == FST_TCP_SYN && !view.isn[sender]) {
        view.isn[sender] = packet.seq;
        view.syn[sender] = {.flags = static_cast<std::uint16_t>(packet.flags & kOptionFlags),
                            .mss = packet.mss,
                            .wscale = packet.wscale};
    }
    const auto time = static_cast<std::int64_t>(packet.time_ns);
    ran_at(time);
    packets_.push_back(
        {.time_ns = time,
         .frame = static_cast<std::uint32_t>(frame),
         .way = index * 2 + sender,
         .seq = packet.seq,
         .ack = packet.tcp_flags & FST_TCP_ACK ? packet.ack : 0,
         .payload = packet.payload,
         .ip_id = packet.ip_id,
         .window = packet.window,
         .flags = packet.flags,
         .ttl = packet.ttl,
         .tcp_flags = packet.tcp_flags,
         .tos = packet.tos,
         .header_words = static_cast<std::uint8_t>((packet.ip_bytes - packet.payload) / 4),
         .head = head_of(data)});
}

void Recording::ran_at(std::int64_t time_ns) {
    if (!is_full()) {
        begin_ns_ = std::min(begin_ns_, time_ns);
        end_ns_ = std::max(end_ns_, time_ns);
    }
}

void Recording::finish() {
    std::ranges::sort(packets_, {}, [](const SeenPacket& packet) {
        return std::tuple(packet.way, packet.time_ns, packet.frame);
    });
    std::size_t next = 0;
    for (View& view : views_) {
        for (unsigned direction = 0; direction < 2; direction++) {
            view.first[direction] = next;
            next += view.count[direction];
        }
    }
    open_.clear();
    std::ranges::copy_if(packets_, std::back_inserter(resets_), &SeenPacket::is_reset);
    std::ranges::sort(resets_, {}, &SeenPacket::seq);
}

bool Recording::has_reset(std::uint32_t seq, std::uint32_t ack, std::int64_t until_ns) const {
    return std::ranges::any_of(std::ranges::equal_range(resets_, seq, {}, &SeenPacket::seq),
                               [&](const SeenPacket& its) {
                                   return its.time_ns <= until_ns && (seq != 0 || its.ack == ack);
                               });
}

std::vector<std::uint32_t> Recording::same_ports(std::size_t view) const {
    const auto found = ports_.find(without_interface(views_[view].key));
    return found == ports_.end() ? std::vector<std::uint32_t>{} : found->second;
}

}  // namespace flowstamp::analysis::compare
