// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/datapath/conversation.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cstring>

namespace flowstamp::testing {
namespace {

constexpr std::uint16_t kPeerPort = 443;
constexpr std::size_t kEthernetBytes = 14;

}  // namespace

std::uint16_t fresh_port() {
    static std::uint16_t port = 1024;
    port = port == 65535 ? 1025 : port + 1;
    return port;
}

Conversation::Conversation(Rig& rig, fst_hook peer_hook, const Setting& setting)
    : rig_(rig), peer_hook_(peer_hook), setting_(setting), begun_ns_(rig.now_ns()) {
    ports_ = {kPeerPort, setting.port != 0 ? setting.port : fresh_port()};
    at(End::peer).id = setting.peer.first_id;
    at(End::us).id = setting.us.first_id;
    restart(setting.peer.isn, setting.us.isn);
}

void Conversation::restart(std::uint32_t peer_isn, std::uint32_t our_isn) {
    setting_.peer.isn = peer_isn;
    setting_.us.isn = our_isn;
    for (const End end : {End::peer, End::us}) {
        at(end).next_seq = traits_of(end).isn;
        at(end).has_sent = false;
    }
}

const char* Conversation::address(End end) const {
    if (setting_.v6) {
        return end == End::peer ? "2001:db8:7::7" : "2001:db8::1";
    }
    return end == End::peer ? "198.51.100.7" : "192.0.2.1";
}

std::uint32_t Conversation::clock(End end) const {
    return traits_of(end).clock_ms +
           static_cast<std::uint32_t>((rig_.now_ns() - begun_ns_) / 1'000'000);
}

std::uint16_t Conversation::next_id(End end) {
    switch (traits_of(end).ids) {
        case Ids::zero:
            return 0;
        case Ids::constant:
            return traits_of(end).first_id;
        case Ids::per_flow:
            return at(end).id;
        case Ids::global:
            return static_cast<std::uint16_t>(at(end).id + 30);
        case Ids::random:
            return static_cast<std::uint16_t>(random_() | 0x4000);  // far from any small number
    }
    return 0;
}

Segment Conversation::next(End from, TcpFlags flags, std::size_t payload) {
    const Traits& own = traits_of(from);
    Segment segment{.from = from, .flags = flags, .seq = at(from).next_seq};
    segment.ack = (flags & Ack) != 0 ? at(other(from)).next_seq : 0;
    segment.window = (flags & Syn) != 0 ? kSynWindow : own.window;
    segment.ttl = own.ttl;
    segment.id = next_id(from);
    segment.df = own.df;
    segment.payload = payload;
    segment.mac = own.mac;
    if ((flags & (Syn | Ack)) == (Syn | Ack)) {
        segment.id = 0;  // as Linux does, whatever the socket's counter
    }
    if (setting_.peer.timestamps && setting_.us.timestamps) {
        segment.timestamps = {clock(from), (flags & Ack) != 0 ? at(other(from)).latest_clock : 0};
    }
    return segment;
}

Segment Conversation::stateless_reset() {
    Segment reset = next(End::peer, Rst);
    reset.seq = at(End::peer).next_seq;  // our latest ACK
    reset.id = 0;
    reset.window = 0;
    reset.timestamps.reset();
    return reset;
}

Bytes Conversation::encode(const Segment& segment) const {
    const char *src = address(segment.from), *dst = address(other(segment.from));
    Tcp tcp{.src_port = port(segment.from),
            .dst_port = port(other(segment.from)),
            .seq = segment.seq,
            .ack = segment.ack,
            .flags = segment.flags,
            .window = segment.window,
            .checksum = segment.checksum};
    const Timestamps stamps = segment.timestamps.value_or(Timestamps{});
    if ((segment.flags & Syn) != 0) {
        tcp.options = {Mss{}, SackPermitted{}};
        if (segment.timestamps) {
            tcp.options.emplace_back(stamps);
        }
        tcp.options.emplace_back(WindowScale{traits_of(segment.from).wscale});
    } else if (segment.timestamps) {
        tcp.options = nop_nop_timestamps(stamps.val, stamps.ecr);
    }
    if (segment.sack) {
        tcp.options.insert(tcp.options.end(), {Nop{}, Nop{}, Sack{{*segment.sack}}});
    }
    tcp.options.insert(tcp.options.end(), segment.options.begin(), segment.options.end());
    const Packet link = Ethernet{.src = segment.mac};
    const auto build = [&](std::optional<std::uint16_t> total_length) {
        const Packet net = setting_.v6 ? Packet(Ipv6{.src = src,
                                                     .dst = dst,
                                                     .hop_limit = segment.ttl,
                                                     .traffic_class = segment.tos})
                                       : Packet(Ipv4{.src = src,
                                                     .dst = dst,
                                                     .ttl = segment.ttl,
                                                     .id = segment.id,
                                                     .df = segment.df,
                                                     .more_fragments = segment.more_fragments,
                                                     .tos = segment.tos,
                                                     .options = segment.ip_options,
                                                     .total_length = total_length});
        Packet whole = link / net / Packet(tcp);
        if (segment.payload != 0) {
            whole = whole / Packet(segment.zeros ? Payload(Bytes(segment.payload, 0))
                                                 : filler(segment.payload));
        }
        return whole.bytes();
    };
    Bytes frame = build({});
    if (segment.missing != 0) {
        frame = build(static_cast<std::uint16_t>(frame.size() - kEthernetBytes + segment.missing));
    }
    frame.resize(frame.size() + segment.trailer, 0xee);
    return frame;
}

Outcome Conversation::send(const Segment& segment) {
    const Bytes frame = encode(segment);
    const std::uint64_t refused_before = refused();
    Outcome outcome = rig_.run(hook(segment.from),
                               {.bytes = frame,
                                .ifindex = setting_.ifindex,
                                .gso_segments = segment.gso_segments,
                                .has_no_socket = segment.from == End::us && setting_.forwarded});
    for (const SeenEvent& seen : outcome.events) {
        if (owns(seen.event.packet.key)) {
            slot_ = seen.event.slot;
        }
    }
    follow(segment);
    const SeenEvent* reset = outcome.dropped ? outcome.find(FST_EVENT_RST) : nullptr;
    const bool held = reset && reset->event.judgement.action == FST_ACTION_CHALLENGED;
    if (!held && !is_copy(segment) && refused() == refused_before) {
        expect_stamped(segment);
    }
    latest_ = {segment, rig_.now_ns()};
    return outcome;
}

/// Segments that their receiver refuses: they are not stamped.
std::uint64_t Conversation::refused() const {
    return rig_.counter(FST_COUNT_REFUSED) + rig_.counter(FST_COUNT_DAMAGED);
}

/// Whether it is the segment before it once more: the data path does not count it.
bool Conversation::is_copy(const Segment& segment) const {
    constexpr std::uint64_t kCopyNs = 50'000'000;
    return latest_ && latest_->first.from == segment.from && latest_->first.seq == segment.seq &&
           latest_->first.flags == segment.flags && latest_->first.payload == segment.payload &&
           latest_->first.id == segment.id && !(segment.flags & Rst) &&
           rig_.now_ns() - latest_->second < kCopyNs;
}

void Conversation::follow(const Segment& segment) {
    State& own = at(segment.from);
    own.ids.push_back(segment.id);
    if ((segment.flags & Rst) != 0) {
        return;
    }
    const auto syn_or_fin = static_cast<std::uint32_t>((segment.flags & (Syn | Fin)) != 0);
    const std::uint32_t end =
        segment.seq + static_cast<std::uint32_t>(segment.payload) + syn_or_fin;
    if (static_cast<std::int32_t>(end - own.next_seq) > 0) {
        own.next_seq = end;
    }
    if (segment.timestamps) {
        own.latest_clock = segment.timestamps->val;
    }
    if ((segment.flags & (Syn | Ack)) != (Syn | Ack)) {
        own.id = static_cast<std::uint16_t>(
            segment.id + (traits_of(segment.from).ids == Ids::per_flow
                              ? (segment.gso_segments != 0 ? segment.gso_segments : 1)
                              : 0));
    }
}

void Conversation::expect_stamped(const Segment& segment) const {
    const fst_direction own = direction(segment.from);
    const fst_stamp& latest = own.ring[(own.ring_next + FST_RING_STAMPS - 1) % FST_RING_STAMPS];
    EXPECT_EQ(latest.time_us, static_cast<std::uint32_t>(rig_.now_ns() / 1000));
    EXPECT_EQ(latest.ip_id, setting_.v6 ? 0 : segment.id);
    EXPECT_EQ(latest.ttl, segment.ttl);
    EXPECT_EQ(latest.tcp_flags, segment.flags);
    EXPECT_EQ(own.last_ns, rig_.now_ns());
    EXPECT_EQ(own.version % 2, 0);
}

Conversation& Conversation::open() {
    send(End::us, Syn);
    pass_us(setting_.rtt_us);
    send(End::peer, Syn | Ack);
    pass_us(100);
    send(End::us, Ack);
    return *this;
}

Conversation& Conversation::exchange(int times) {
    for (int i = 0; i < times; i++) {
        pass_us(5000);
        send(End::us, Psh | Ack, 2000);  // more than a segment: acknowledged at once
        pass_us(setting_.rtt_us);
        send(End::peer, Psh | Ack, 1000);
        pass_us(100);
        send(End::us, Ack);
    }
    return *this;
}

bool Conversation::owns(const fst_flow_key& key) const {
    const int peer = key.port[0] == htons(port(End::peer)) ? 0 : 1;
    std::array<std::array<__be32, 4>, 2> ends{};
    for (const End end : {End::peer, End::us}) {
        auto& words = ends.at(std::size_t(end));
        if (setting_.v6) {
            inet_pton(AF_INET6, address(end), words.data());
        } else {
            words[2] = htonl(0xffff);
            inet_pton(AF_INET, address(end), &words[3]);
        }
    }
    return key.ifindex == setting_.ifindex && key.port[peer] == htons(port(End::peer)) &&
           key.port[1 - peer] == htons(port(End::us)) &&
           std::memcmp(key.address[peer], ends[std::size_t(End::peer)].data(), 16) == 0 &&
           std::memcmp(key.address[1 - peer], ends[std::size_t(End::us)].data(), 16) == 0;
}

int Conversation::index(End end) const {
    return flow().key.port[0] == htons(port(end)) ? 0 : 1;
}

std::uint32_t Conversation::slot() const {
    const auto is_ours = [this](const fst_flow& flow) { return owns(flow.key); };
    if (slot_) {
        const std::optional<fst_flow> known = rig_.flow(*slot_);
        if (known && is_ours(*known)) {
            return *slot_;
        }
    }
    slot_ = rig_.find(is_ours);
    EXPECT_TRUE(slot_.has_value()) << "no slot holds this conversation";
    return slot_.value_or(0);
}

fst_flow Conversation::flow() const {
    return rig_.flow(slot()).value_or(fst_flow{});
}

}  // namespace flowstamp::testing
