// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/segment_memory.h"

#include <algorithm>
#include <cstring>

#include "flowstamp/acceptance_rules.h"

namespace flowstamp::analysis {

namespace {

std::size_t hash_of(const fst_packet& packet) {
    // Whole words, the last of them half used.
    std::array<std::uint64_t, (sizeof(fst_flow_key) + 7) / sizeof(std::uint64_t)> words{};
    std::memcpy(words.data(), &packet.key, sizeof(packet.key));
    std::uint64_t mixed = packet.direction;
    for (const std::uint64_t word : words) {
        mixed = (mixed ^ word) * 0xff51afd7ed558ccdU;
        mixed ^= mixed >> 32;
    }
    return static_cast<std::size_t>(mixed);
}

}  // namespace

SegmentMemory::Sender& SegmentMemory::sender_of(const fst_packet& packet) {
    Sender& sender = senders_[hash_of(packet) & (kSenders - 1)];
    const bool is_known = sender.direction == packet.direction &&
                          std::memcmp(&sender.key, &packet.key, sizeof(packet.key)) == 0;
    if (!is_known ||
        (packet.tcp_flags & FST_TCP_SYN)) {  // what follows a SYN is another connection
        sender = {.key = packet.key, .direction = packet.direction};
    }
    return sender;
}

std::optional<OtherBytes> SegmentMemory::record(const fst_packet& packet,
                                                std::span<const std::uint8_t> bytes,
                                                std::uint64_t frame) {
    if (packet.tcp_flags & FST_TCP_RST) {
        return std::nullopt;  // a reset's payload is not the connection's data
    }
    if (bytes.empty() && !(packet.tcp_flags & FST_TCP_SYN)) {
        return std::nullopt;
    }
    Sender& sender = sender_of(packet);
    Segment now{.frame = frame,
                .seq = packet.seq + ((packet.tcp_flags & FST_TCP_SYN) ? 1U : 0U),
                .ip_id = packet.ip_id,
                .ttl = packet.ttl,
                .kept = static_cast<std::uint8_t>(std::min(bytes.size(), kKept))};
    std::copy_n(bytes.begin(), now.kept, now.bytes.begin());
    if (now.kept < kFewest) {
        return std::nullopt;
    }
    // Nearly all segments follow everything before them, and so overlap nothing.
    const bool is_next = !sender.has_sent || fst_sequence_after(now.seq, sender.edge) >= 0;
    std::optional<OtherBytes> other;
    for (std::size_t age = 1; age <= kSegments && !is_next && !other; age++) {
        other = compare(sender.segments[(sender.next - age) % kSegments], now);
    }
    const std::uint32_t end = now.seq + now.kept;
    if (is_next || fst_sequence_after(end, sender.edge) > 0) {
        sender.has_sent = true;
        sender.edge = end;
    }
    sender.segments[sender.next % kSegments] = now;
    sender.next = static_cast<std::uint8_t>((sender.next + 1U) % kSegments);
    return other;
}

/// A quarter of the bytes must differ: corruption on the path changes few, an injector most.
std::optional<OtherBytes> SegmentMemory::compare(const Segment& before, const Segment& now) {
    const std::int32_t ahead = fst_sequence_after(now.seq, before.seq);
    if (before.frame == 0 || ahead > std::int32_t{before.kept} || -ahead > std::int32_t{now.kept}) {
        return std::nullopt;
    }
    const auto skip_before = static_cast<std::uint32_t>(std::max(ahead, 0));
    const auto skip_now = static_cast<std::uint32_t>(std::max(-ahead, 0));
    const std::uint32_t compared = std::min(before.kept - skip_before, now.kept - skip_now);
    std::uint32_t differ = 0;
    for (std::uint32_t i = 0; i < compared; i++) {
        differ += before.bytes.at(skip_before + i) != now.bytes.at(skip_now + i);
    }
    if (compared < kFewest || differ * 4 < compared) {
        return std::nullopt;
    }
    return OtherBytes{.frame = before.frame,
                      .ip_id = before.ip_id,
                      .ttl = before.ttl,
                      .compared = compared,
                      .differ = differ};
}

}  // namespace flowstamp::analysis
