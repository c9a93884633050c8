// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/forgery.h"

#include <algorithm>

#include "user/lab/wire.h"

namespace flowstamp::lab {
namespace {

using namespace wire;

/// Header fields, every trait resolved to a number.
struct Resolved {
    Endpoint source, destination;
    std::uint8_t ttl = 0, tos = 0;
    std::uint16_t ip_id = 0;
    std::uint32_t seq = 0, ack = 0;
    std::uint16_t window = 0;
    std::optional<Timestamps> timestamps;
    std::uint32_t flow_label = 0;
};

/// The two sides of the connection, relative to the forgery.
struct Roles {
    const SideMemory& sender;    ///< the impersonated side
    const SideMemory& receiver;  ///< the side that receives the forgery
};

std::uint8_t resolve(const Ttl& ttl, const Roles& roles) {
    if (ttl.mode == Ttl::Mode::Absolute || !roles.sender.last) {
        return ttl.value;
    }
    // The router decrements the genuine segment's TTL before forwarding it.
    return static_cast<std::uint8_t>(roles.sender.last->ttl - 1);
}

std::uint16_t resolve(const IpId& id, const Roles& roles, unsigned index, std::mt19937& random) {
    switch (id.mode) {
        case IpId::Mode::Constant:
            break;
        case IpId::Mode::EchoReceiver:
            return roles.receiver.last ? roles.receiver.last->ip_id : id.value;
        case IpId::Mode::ContinueSender:
            return static_cast<std::uint16_t>(
                (roles.sender.last ? roles.sender.last->ip_id : id.value) + 1 + index);
        case IpId::Mode::Random:
            return static_cast<std::uint16_t>(random());
    }
    return id.value;
}

std::uint32_t resolve(const Seq& seq, const Roles& roles, unsigned index) {
    const std::uint32_t shift = seq.offset + seq.step * index;
    switch (seq.mode) {
        case Seq::Mode::NextExpected:
            // A side that never sent has acknowledged nothing either: then it is the other side's
            // acknowledgement number, 0 in a SYN, as a closed port answers.
            return (roles.sender.last ? roles.sender.next_seq : roles.receiver.acknowledged) +
                   shift;
        case Seq::Mode::ReceiverAck:
            return roles.receiver.acknowledged + shift;
        case Seq::Mode::Absolute:
            break;
    }
    return shift;
}

std::uint32_t resolve(const AckNumber& ack, const Roles& roles) {
    switch (ack.mode) {
        case AckNumber::Mode::Zero:
            return 0;
        case AckNumber::Mode::NextExpected:
            return roles.receiver.next_seq + ack.offset;
        case AckNumber::Mode::Copied:
            break;
    }
    return roles.sender.acknowledged + ack.offset;
}

std::uint16_t resolve(const Window& window, const Roles& roles) {
    if (window.mode == Window::Mode::EchoReceiver && roles.receiver.last) {
        return roles.receiver.last->window;
    }
    if (window.mode == Window::Mode::CopySender && roles.sender.last) {
        return roles.sender.last->window;
    }
    return window.value;
}

std::uint8_t resolve(const Tos& tos, const Roles& roles) {
    if (tos.mode == Tos::Mode::EchoReceiver && roles.receiver.last) {
        return roles.receiver.last->tos;
    }
    if (tos.mode == Tos::Mode::CopySender && roles.sender.last) {
        return roles.sender.last->tos;
    }
    return tos.value;
}

std::optional<Timestamps> resolve(const TimestampTrait& trait, const Roles& roles) {
    if (trait.mode == TimestampTrait::Mode::None || !roles.sender.last ||
        !roles.sender.last->timestamps) {
        return std::nullopt;
    }
    Timestamps timestamps = *roles.sender.last->timestamps;
    timestamps.value -= trait.ticks;
    return timestamps;
}

std::uint32_t resolve(const FlowLabel& label, const Roles& roles, std::mt19937& random) {
    if (label.mode == FlowLabel::Mode::Random) {
        return static_cast<std::uint32_t>(random());
    }
    if (label.mode == FlowLabel::Mode::CopySender && roles.sender.last) {
        return roles.sender.last->flow_label;
    }
    return label.value;
}

void append16(Frame& frame, std::uint16_t value) {
    frame.push_back(static_cast<std::uint8_t>(value >> 8));
    frame.push_back(static_cast<std::uint8_t>(value));
}

void append32(Frame& frame, std::uint32_t value) {
    append16(frame, static_cast<std::uint16_t>(value >> 16));
    append16(frame, static_cast<std::uint16_t>(value));
}

void append(Frame& frame, FrameView bytes) {
    frame.insert(frame.end(), bytes.begin(), bytes.end());
}

/// RFC 9293, section 3.1, including the checksum.
Frame tcp_segment(const Forgery& forgery, const Resolved& fields) {
    Frame segment;
    append16(segment, fields.source.port);
    append16(segment, fields.destination.port);
    append32(segment, fields.seq);
    append32(segment, fields.ack);
    const std::uint8_t words = fields.timestamps ? 8 : 5;
    segment.push_back(static_cast<std::uint8_t>(words << 4));
    segment.push_back(forgery.flags);
    append16(segment, fields.window);
    append32(segment, 0);  // checksum and urgent pointer
    if (fields.timestamps) {
        append32(segment, 0x0101080a);  // two NOPs, then kind 8, length 10: Linux's layout
        append32(segment, fields.timestamps->value);
        append32(segment, fields.timestamps->echo);
    }
    segment.insert(segment.end(), forgery.payload_bytes, 'x');
    store16(segment, 16,
            tcp_checksum(fields.source.address.wire(), fields.destination.address.wire(), segment));
    return segment;
}

void append_ipv4(Frame& frame, const Forgery& forgery, const Resolved& fields,
                 std::size_t segment_bytes) {
    const std::size_t begin = frame.size();
    frame.push_back(0x45);
    frame.push_back(fields.tos);
    append16(frame, static_cast<std::uint16_t>(ipv4_bytes + segment_bytes));
    append16(frame, fields.ip_id);
    append16(frame, forgery.dont_fragment ? 0x4000 : 0);
    frame.push_back(fields.ttl);
    frame.push_back(protocol_tcp);
    append16(frame, 0);
    append(frame, fields.source.address.wire());
    append(frame, fields.destination.address.wire());
    const std::span header = std::span(frame).subspan(begin);
    store16(header, 10, checksum(add_words(header)));
}

void append_ipv6(Frame& frame, const Resolved& fields, std::size_t segment_bytes) {
    append32(frame, 6u << 28 | std::uint32_t{fields.tos} << 20 | (fields.flow_label & 0xfffff));
    append16(frame, static_cast<std::uint16_t>(segment_bytes));
    frame.push_back(protocol_tcp);
    frame.push_back(fields.ttl);
    append(frame, fields.source.address.wire());
    append(frame, fields.destination.address.wire());
}

}  // namespace

Forgery as_stateless_reset() {
    return {.flags = Rst,
            .ttl = Ttl::as_peer(),
            .ip_id = IpId::constant(0),
            .seq = Seq::receiver_ack(),
            .ack = AckNumber::zero(),
            .window = Window::constant(0),
            .tos = Tos::echo_receiver(),
            .flow_label = FlowLabel::random()};
}

std::optional<Frame> forge(const Forgery& forgery, const FlowMemory& flow, Side from,
                           const Hop& hop, unsigned index, std::mt19937& random) {
    const Roles roles{flow.side(from), flow.side(other(from))};
    if (!roles.sender.last && !roles.receiver.last) {
        return std::nullopt;
    }
    Resolved fields{
        .source = roles.sender.last ? roles.sender.last->source : roles.receiver.last->destination,
        .destination =
            roles.sender.last ? roles.sender.last->destination : roles.receiver.last->source,
        .ttl = resolve(forgery.ttl, roles),
        .tos = resolve(forgery.tos, roles),
        .ip_id = resolve(forgery.ip_id, roles, index, random),
        .seq = resolve(forgery.seq, roles, index),
        .ack = resolve(forgery.ack, roles),
        .window = resolve(forgery.window, roles),
        .timestamps = resolve(forgery.timestamps, roles),
        .flow_label = resolve(forgery.flow_label, roles, random)};

    Frame frame;
    append(frame, hop.to.bytes);
    append(frame, forgery.source_mac.value_or(hop.from).bytes);
    const bool ipv4 = fields.source.address.family == Family::V4;
    append16(frame, ipv4 ? ethertype_ipv4 : ethertype_ipv6);
    const Frame segment = tcp_segment(forgery, fields);
    if (ipv4) {
        append_ipv4(frame, forgery, fields, segment.size());
    } else {
        append_ipv6(frame, fields, segment.size());
    }
    append(frame, segment);
    return frame;
}

std::uint16_t id_gap(const Forgery& forgery, const FlowMemory& flow, Side from) {
    constexpr std::uint16_t farthest = 0x8000;
    const Roles roles{flow.side(from), flow.side(other(from))};
    const bool echo = forgery.ip_id.mode == IpId::Mode::EchoReceiver;
    const bool constant = forgery.ip_id.mode == IpId::Mode::Constant;
    if (!(echo || constant) || !roles.sender.last || !roles.receiver.last ||
        roles.sender.last->source.address.family != Family::V4) {
        return farthest;
    }
    const std::uint16_t forged = echo ? roles.receiver.last->ip_id : forgery.ip_id.value;
    const auto ahead = static_cast<std::uint16_t>(forged - roles.sender.last->ip_id);
    return std::min<std::uint16_t>(ahead, static_cast<std::uint16_t>(-ahead));
}

}  // namespace flowstamp::lab
