// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/report/flow_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "user/output/text/counted.h"

namespace flowstamp::output {

namespace {

/// A place that thinning does not count.
constexpr std::uint64_t kAlways = UINT64_MAX;

}  // namespace

FlowTrace::Kind FlowTrace::kind_of(const TracedPacket& packet) {
    const bool is_turn = (packet.tcp_flags & (FST_TCP_SYN | FST_TCP_FIN | FST_TCP_RST)) != 0;
    return is_turn || packet.is_repeated ? kTurn : packet.payload != 0 ? kData : kAck;
}

/// The first number of a side counts as 0; numbers wrap.
std::int64_t FlowTrace::relative(unsigned side, std::uint32_t number) {
    Stream& stream = streams_.at(side);
    if (!stream.first) {
        stream.first = number;
        return 0;
    }
    const std::uint32_t edge = *stream.first + static_cast<std::uint32_t>(stream.edge);
    return stream.edge + static_cast<std::int32_t>(number - edge);
}

TracedPacket FlowTrace::traced(const fst_packet& packet) {
    const unsigned side = packet.direction & 1U;
    const bool is_reset = (packet.tcp_flags & FST_TCP_RST) != 0;
    TracedPacket its{.payload = packet.payload,
                     .window = packet.window,
                     .sender = static_cast<std::uint8_t>(side),
                     .ttl = packet.ttl,
                     .tcp_flags = packet.tcp_flags};
    its.seq = relative(side, packet.seq);
    if (packet.tcp_flags & FST_TCP_ACK) {
        its.ack = relative(side ^ 1U, packet.ack);
    }
    if (!(packet.flags & FST_PACKET_IPV6)) {
        its.ip_id = packet.ip_id;
    }
    Stream& stream = streams_.at(side);
    const bool is_syn_or_fin = (packet.tcp_flags & (FST_TCP_SYN | FST_TCP_FIN)) != 0;
    // One byte below the edge is a keepalive (RFC 9293, section 3.8.4).
    its.is_repeated = !is_reset && stream.has_sent && its.seq < stream.edge &&
                      (packet.payload > 1 || is_syn_or_fin);
    // A reset's number may lie anywhere, and so may that of another SYN: they move nothing.
    if (!is_reset && !(stream.has_sent && (packet.tcp_flags & FST_TCP_SYN))) {
        stream.edge = std::max(stream.edge, its.seq + packet.payload + (is_syn_or_fin ? 1 : 0));
        stream.has_sent = true;
    }
    return its;
}

void FlowTrace::add(const fst_packet& packet, Nanoseconds wall, std::uint64_t frame,
                    std::optional<std::size_t> entry) {
    if (seen_++ == 0) {
        ends_ = {net::end_of(packet.key, 0), net::end_of(packet.key, 1)};
    }
    if (!opener_ && (packet.tcp_flags & FST_TCP_SYN)) {
        opener_ = (packet.direction & 1U) ^ ((packet.tcp_flags & FST_TCP_ACK) ? 1U : 0U);
    }
    TracedPacket its = traced(packet);
    its.wall = wall;
    its.frame = frame;
    its.entry = entry;
    const Kind kind = kind_of(its);
    Class& own = classes_.at(kind);
    its.place = own.seen.at(its.sender)++;
    if (entry || near_left_ > 0) {
        keep_near(std::move(its));
    } else if (its.place % own.every == 0) {
        packets_.push_back(its);
        passed_over_.clear();
        if (++own.kept > most_) {
            thin(kind);
        }
    } else {
        passed_over_.push_back(its);
        if (passed_over_.size() > kNear) {
            passed_over_.pop_front();
        }
    }
}

void FlowTrace::keep_near(TracedPacket packet) {
    if (packet.entry) {
        for (TracedPacket& before : passed_over_) {
            before.place = kAlways;
            packets_.push_back(before);
        }
        const std::size_t last = packets_.size() - std::min(packets_.size(), kNear);
        for (std::size_t i = last; i < packets_.size(); i++) {
            if (packets_[i].place != kAlways) {
                classes_.at(kind_of(packets_[i])).kept--;
                packets_[i].place = kAlways;
            }
        }
        near_left_ = kNear;
    } else {
        near_left_--;
    }
    passed_over_.clear();
    packet.place = kAlways;
    packets_.push_back(packet);
}

void FlowTrace::thin(Kind kind) {
    Class& its = classes_.at(kind);
    its.every *= 2;
    const auto is_of_kind = [kind](const TracedPacket& packet) {
        return packet.place != kAlways && kind_of(packet) == kind;
    };
    std::erase_if(packets_, [&](const TracedPacket& packet) {
        return is_of_kind(packet) && packet.place % its.every != 0;
    });
    its.kept = static_cast<std::size_t>(std::ranges::count_if(packets_, is_of_kind));
}

unsigned FlowTrace::opener() const {
    return opener_.value_or(ends_[0].port >= ends_[1].port ? 0U : 1U);
}

std::string FlowTrace::left_out() const {
    if (packets_.size() == seen_) {
        return "";
    }
    const auto share = [this](Kind kind, std::string_view one, std::string_view several) {
        const std::uint64_t every = classes_.at(kind).every;
        return every == 1 ? fmt::format("every {}", one)
                          : fmt::format("1 of {} {}", every, several);
    };
    return fmt::format(
        "{} of {} drawn: {}; {}; {}; all packets next to what a finding is about.",
        grouped(packets_.size()), counted_grouped(seen_, "packet"),
        share(kData, "data segment", "data segments"), share(kAck, "ACK", "ACKs"),
        share(kTurn, "SYN, FIN, RST and retransmission", "SYNs, FINs, RSTs and retransmissions"));
}

}  // namespace flowstamp::output
