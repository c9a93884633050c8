// SPDX-License-Identifier: Apache-2.0
#include "user/detect/rst_view.h"

#include <algorithm>
#include <cstdlib>
#include <span>

#include "flowstamp/hops.h"
#include "user/detect/story.h"

namespace flowstamp {

namespace {

constexpr std::uint8_t kNoBaseHops = 255;
constexpr int kClockTicks = 3;  // a timestamp this far past the RST's is not the same moment's
constexpr std::uint32_t kPacketsEnough = 4;  // a side of fewer is hardly known
constexpr std::uint16_t kIdStep = 256;       // an ID this far ahead is still "at or above"
constexpr Nanoseconds kTwoPathsWithin = std::chrono::seconds(1);

/// What shows that the RST's sender lives, and what shows besides that it hears the other end: a
/// second host behind the address, or a REJECT on the peer, leaves the peer living and deaf.
constexpr std::uint64_t kLives =
    FS_SIGNAL_BIT(FS_SIGNAL_LIFE_CLOCK) | FS_SIGNAL_BIT(FS_SIGNAL_LIFE_ID) |
    FS_SIGNAL_BIT(FS_SIGNAL_LIFE_DATA) | FS_SIGNAL_BIT(FS_SIGNAL_REFUTED);
constexpr std::uint64_t kHears =
    FS_SIGNAL_BIT(FS_SIGNAL_LIFE_ACK) | FS_SIGNAL_BIT(FS_SIGNAL_LIFE_LASTS);

/// `to` minus `from` in sequence space (RFC 9293, section 3.4).
std::int32_t distance(std::uint32_t from, std::uint32_t to) {
    return static_cast<std::int32_t>(to - from);
}

Nanoseconds apart(const fs_packet& earlier, const fs_packet& later) {
    return Nanoseconds(static_cast<std::int64_t>(later.time_ns - earlier.time_ns));
}

/// Whether the hops of two RSTs tell of two paths: a kernel's bare RST has its default TTL, a socket's
/// own what the socket was told, which need be none of the usual ones.
bool can_be_compared(const fs_packet& one, const fs_packet& other) {
    return fs_hops(one.ttl) <= FS_HOPS_MAX && fs_hops(other.ttl) <= FS_HOPS_MAX &&
           (fs_ttl_base(one.ttl) == fs_ttl_base(other.ttl) ||
            (one.tcp_flags & other.tcp_flags & FS_TCP_ACK));
}

bool within_one(std::uint8_t hops, std::uint8_t other) {
    return std::abs(int{hops} - int{other}) <= 1;
}

}  // namespace

RstView::RstView(const Observation& observation)
    : key_(view_of(observation.event)),
      sighting_(sighting_of(observation)),
      arrival_(observation.event.judgement),
      slot_(observation.slot.value_or(fs_flow{})) {}

bool RstView::is_from_own_distance() const {
    return arrival_.base_hops != kNoBaseHops && within_one(arrival_.hops, arrival_.base_hops);
}

void RstView::consider(const HostMemory::Host& host) {
    const fs_direction& own = slot_.direction[direction()];
    if (arrival_.action != FS_ACTION_OBSERVED) {
        return;
    }
    // A balancer answers the handshake from one place and serves from another: of the flow, only the
    // handshake is known yet.
    if (!(own.flags & FS_DIRECTION_BASE) && host.speaks_from(arrival_.hops)) {
        cleared_signals_ |= FS_MASK_PATH & ~FS_SIGNAL_BIT(FS_SIGNAL_TAUGHT_HOPS);
    }
    // Nothing of this flow's end was seen, but of its others; and no kernel without the connection
    // shapes a RST so, whose TTL would be its default.
    constexpr std::uint32_t kNoGuess = FS_CONTEXT_STATELESS | FS_CONTEXT_TO_SYN;
    is_from_elsewhere_ = (arrival_.context & FS_CONTEXT_NO_BASELINE) &&
                         !(arrival_.context & kNoGuess) && host.is_strange(packet().ttl);
    // A SYN refused from nearer than the host ever was: a firewall's REJECT.
    if (const auto nearest = host.nearest_hops(); arrival_.context & FS_CONTEXT_TO_SYN) {
        is_from_elsewhere_ = nearest && arrival_.hops + 2 <= *nearest;
    }
    // Too few packets yet to know how it counts its IP-IDs: it is the kind of host that it was.
    const fs_packet& rst = packet();
    if ((slot_.state & FS_FLOW_TS) && (rst.tcp_flags & FS_TCP_ACK) &&
        !(rst.flags & (FS_PACKET_TS | FS_PACKET_IPV6)) && fs_id_class_of(&own) == FS_ID_UNKNOWN &&
        host.is_linux_like()) {
        later_signals_ |= FS_SIGNAL_BIT(FS_SIGNAL_NO_TIMESTAMPS);
    }
}

/// The same, as far as TTLs can tell of a kernel's answer to what it does not know: that has its
/// default TTL, whatever the socket's was.
bool RstView::may_be_from_own_distance() const {
    const bool other_base = arrival_.signals & FS_SIGNAL_BIT(FS_SIGNAL_TTL_BASE);
    const bool nearer = arrival_.signals & FS_SIGNAL_BIT(FS_SIGNAL_NEARER);
    const bool farther = arrival_.signals & FS_SIGNAL_BIT(FS_SIGNAL_FARTHER);
    return !nearer && (other_base || !farther);
}

/// Whether the packet's TTL is within a hop of any that this side's packets bore. One spoofed packet
/// may have added the forger's: the others are the sender's all the same.
bool RstView::is_from_where_it_sends(const fs_packet& later) const {
    const std::span<const std::uint8_t> known = slot_.direction[direction()].ttl;
    return known[0] == 0 || std::ranges::any_of(known, [&](std::uint8_t ttl) {
               return ttl != 0 && within_one(fs_hops(later.ttl), fs_hops(ttl));
           });
}

/// Whether a later packet may bear witness: in time, and from where the peer is.
bool RstView::observes(const fs_packet& later) const {
    const Nanoseconds after = apart(packet(), later);
    const bool refuted = later_signals_ & FS_SIGNAL_BIT(FS_SIGNAL_REFUTED);
    if (!observing_ || after < Nanoseconds::zero() ||
        after > (refuted ? kObservationWhenAsked : kObservation) ||
        (later.tcp_flags & (FS_TCP_RST | FS_TCP_SYN)) != 0 || (later.flags & FS_PACKET_TWICE)) {
        return false;
    }
    return !repeats_old_data(later) && is_from_where_it_sends(later);
}

/// Bytes that were acknowledged before the RST came, the last one not among them (a keepalive's): a
/// question on its way through another interface of this host looks so, and tells of no one's life.
bool RstView::repeats_old_data(const fs_packet& later) const {
    const fs_direction& other = slot_.direction[direction() ^ 1U];
    return later.payload != 0 && (other.flags & FS_DIRECTION_SEEN) &&
           distance(other.ack_edge, later.seq + later.payload) < 0;
}

/// A kernel without the connection that was asked by our ACK answers so, while another host behind
/// the address goes on: only that the peer hears our ACKs tells that apart from a forgery.
bool RstView::may_be_other_host() const {
    constexpr std::uint32_t kAskedForIt = FS_CONTEXT_STATELESS | FS_CONTEXT_PROVOKED;
    return (arrival_.context & kAskedForIt) == kAskedForIt && may_be_from_own_distance();
}

bool RstView::is_first_of_row() const {
    return slot_.rst_us[direction()] == static_cast<std::uint32_t>(packet().time_ns / 1000);
}

bool RstView::acknowledges_later_data(const fs_packet& later) const {
    const fs_direction& other = slot_.direction[direction() ^ 1U];
    return (later.tcp_flags & FS_TCP_ACK) && (other.flags & FS_DIRECTION_SEEN) &&
           distance(other.seq_edge, later.ack) > 0;
}

bool RstView::clock_went_on(const fs_packet& later) const {
    if (!(later.flags & FS_PACKET_TS)) {
        return false;
    }
    if (packet().flags & FS_PACKET_TS) {
        return distance(packet().ts_val, later.ts_val) >= kClockTicks;
    }
    const fs_direction& own = slot_.direction[direction()];
    if (!(own.flags & FS_DIRECTION_TS_CLOCK) || (own.flags & FS_DIRECTION_TS_FAST)) {
        return false;
    }
    // The sender's clock when the RST arrived was at the most this: the least delay ever seen.
    const std::uint32_t then =
        own.ts_offset + static_cast<std::uint32_t>(packet().time_ns / 1'000'000);
    // As in the kernel: where the path reorders, or is hardly known, the RST may have been faster
    // than any packet before it.
    const bool steady = own.packets >= kPacketsEnough && own.retransmitted == 0;
    const int margin = steady ? 0 : static_cast<int>(own.min_rtt_us / 1000) + 1;
    return distance(then, later.ts_val) >= kClockTicks + margin;
}

bool RstView::id_went_on(const fs_packet& later) const {
    const bool continued = (packet().tcp_flags & FS_TCP_ACK) &&
                           (arrival_.signals & FS_SIGNAL_BIT(FS_SIGNAL_VOUCH_ID)) &&
                           fs_id_class_of(&slot_.direction[direction()]) == FS_ID_FLOW;
    return continued && !(later.flags & FS_PACKET_IPV6) && later.ip_id != 0 &&
           static_cast<std::uint16_t>(later.ip_id - packet().ip_id) < kIdStep;
}

bool RstView::is_data_beyond(const fs_packet& later) const {
    const fs_direction& own = slot_.direction[direction()];
    return later.payload > 0 && (own.flags & FS_DIRECTION_SEEN) &&
           distance(own.seq_edge, packet().seq) >= 0 &&
           distance(packet().seq, later.seq + later.payload) > 0;
}

/// More than the receiver had allowed when the RST came: who has not heard its ACKs since cannot send
/// that. What the kernel saw is close to it; this is exact.
bool RstView::exceeds_window(const fs_packet& later) const {
    const unsigned receiver = direction() ^ 1U;
    const fs_direction& other = slot_.direction[receiver];
    const std::uint8_t scale =
        slot_.wscale[0] != 0 && slot_.wscale[1] != 0 ? slot_.wscale[receiver] - 1 : 0;
    const std::uint32_t edge = other.ack_edge + (std::uint32_t{other.window} << scale);
    return (other.flags & FS_DIRECTION_ACKED) && distance(edge, later.seq + later.payload) > 0;
}

bool RstView::add(fs_signal signal, std::optional<fs_packet>& place, const fs_packet& packet) {
    if (later_signals_ & FS_SIGNAL_BIT(signal)) {
        return false;
    }
    later_signals_ |= FS_SIGNAL_BIT(signal);
    place = packet;
    return true;
}

bool RstView::see_later_packet(const fs_event& event) {
    const fs_packet& later = event.packet;
    if (!observes(later)) {
        return false;
    }
    // The kernel measures life against the first RST of a row; for the others it is measured here.
    const auto kernel_saw = [&](fs_signal signal) {
        return (event.judgement.signals & FS_SIGNAL_BIT(signal)) != 0;
    };
    bool brought = false;
    if (kernel_saw(FS_SIGNAL_LIFE_ACK) && (is_first_of_row() || acknowledges_later_data(later))) {
        brought |= add(FS_SIGNAL_LIFE_ACK, later_.life_ack, later);
    }
    if (kernel_saw(FS_SIGNAL_LIFE_CLOCK) && (is_first_of_row() || clock_went_on(later))) {
        brought |= add(FS_SIGNAL_LIFE_CLOCK, later_.life_clock, later);
    }
    if (kernel_saw(FS_SIGNAL_LIFE_LASTS) && exceeds_window(later)) {
        brought |= add(FS_SIGNAL_LIFE_LASTS, later_.life_lasts, later);
    }
    if (id_went_on(later)) {
        brought |= add(FS_SIGNAL_LIFE_ID, later_.life_id, later);
    }
    if (is_data_beyond(later)) {
        brought |= add(FS_SIGNAL_LIFE_DATA, later_.life_data, later);
    }
    return brought;
}

/// RST_SEQ_CHANGE (Weaver, Sommer, Paxson, NDSS 2009): an injector that does not know how far the
/// stream will have come guesses several places ahead. Linux answers n segments with n stateless
/// RSTs that step through what was acknowledged; those lie below the edges.
bool RstView::guesses_on(const RstView& later_rst) const {
    const fs_packet& first = packet();
    const fs_packet& second = later_rst.packet();
    const fs_direction& own_before = slot_.direction[direction()];
    const fs_direction& own = later_rst.slot_.direction[direction()];
    const fs_direction& other = later_rst.slot_.direction[direction() ^ 1U];
    constexpr std::uint32_t kSpoils =
        FS_CONTEXT_FIN | FS_CONTEXT_AFTER_OWN_RST | FS_CONTEXT_HALF_VIEW | FS_CONTEXT_TWICE;
    if (((arrival_.context | later_rst.arrival_.context) & kSpoils) ||
        (later_rst.arrival_.signals & FS_SIGNALS_VOUCHERS) ||
        !(own_before.flags & own.flags & other.flags & FS_DIRECTION_SEEN)) {
        return false;
    }
    return first.tcp_flags == second.tcp_flags && apart(first, second) <= kObservation &&
           distance(first.seq, second.seq) > 2 && distance(own_before.seq_edge, first.seq) >= 0 &&
           distance(own.seq_edge, second.seq) > 0 && distance(other.ack_edge + 2, second.seq) > 0;
}

bool RstView::compare_with_later(RstView& later_rst) {
    bool brought = false;
    if (guesses_on(later_rst)) {
        brought |= add(FS_SIGNAL_SEQ_CHANGE, later_.other_rst, later_rst.packet());
        later_rst.add(FS_SIGNAL_SEQ_CHANGE, later_rst.later_.other_rst, packet());
    }
    const bool fin = (arrival_.context | later_rst.arrival_.context) & FS_CONTEXT_FIN;
    if (!fin && can_be_compared(packet(), later_rst.packet()) &&
        apart(packet(), later_rst.packet()) <= kTwoPathsWithin &&
        std::abs(int{arrival_.hops} - int{later_rst.arrival_.hops}) >= 2) {
        brought |= add(FS_SIGNAL_TWO_PATHS, later_.other_rst, later_rst.packet());
        later_rst.add(FS_SIGNAL_TWO_PATHS, later_rst.later_.other_rst, packet());
    }
    // Of two resets in the name of a side of which nothing else was seen, the one from nearer is a
    // box's; a kernel's default TTL (a bare RST) would not tell.
    const std::uint32_t unseen = arrival_.context & later_rst.arrival_.context;
    if ((unseen & FS_CONTEXT_NO_BASELINE) && (packet().tcp_flags & FS_TCP_ACK) &&
        (later_rst.packet().tcp_flags & FS_TCP_ACK) &&
        apart(packet(), later_rst.packet()) <= kTwoPathsWithin) {
        RstView& nearer = arrival_.hops < later_rst.arrival_.hops ? *this : later_rst;
        RstView& farther = &nearer == this ? later_rst : *this;
        if (nearer.arrival_.hops + 2 <= farther.arrival_.hops) {
            brought |= &nearer == this && !is_from_elsewhere_;
            nearer.is_from_elsewhere_ = true;
        }
    }
    return brought;
}

bool RstView::add_syn_ack(const fs_packet& syn_ack) {
    return add(FS_SIGNAL_SYN_RST, later_.syn_ack, syn_ack);
}

bool RstView::refute(const fs_packet& packet) {
    return add(FS_SIGNAL_REFUTED, later_.refuted, packet);
}

void RstView::uphold() {
    upheld_ = true;
}

/// Whether it would have ended the connection: of another that does not, life proves nothing.
bool RstView::is_heeded() const {
    return arrival_.context & (FS_CONTEXT_IN_WINDOW | FS_CONTEXT_TO_SYN);
}

fs_judgement RstView::judgement() const {
    fs_judgement now = arrival_;
    if (arrival_.signals & cleared_signals_) {
        now.signals &= ~cleared_signals_;
        now.verdict = static_cast<__u8>(fs_conclude(now.signals, now.context));
        if (now.verdict == FS_VERDICT_GENUINE && now.cause == FS_CAUSE_FORGED) {
            now.cause = FS_CAUSE_EDGE;
        }
    }
    now.signals |= is_heeded() ? later_signals_ : later_signals_ & ~FS_MASK_LIFE;
    fs_verdict concluded = fs_conclude(now.signals, now.context);
    if (may_be_other_host() && (now.signals & kLives) && !(now.signals & kHears)) {
        // It lives, but may be deaf: asked and not upheld, the RST is in doubt; no more than that.
        const bool doubted = (now.signals & FS_SIGNAL_BIT(FS_SIGNAL_REFUTED)) && !upheld_;
        now.signals &= ~(kLives & ~FS_SIGNAL_BIT(FS_SIGNAL_REFUTED));
        if (upheld_) {
            now.signals &= ~FS_SIGNAL_BIT(FS_SIGNAL_REFUTED);
        }
        concluded = doubted ? FS_VERDICT_SUSPECTED : fs_conclude(now.signals, now.context);
        if (arrival_.verdict == FS_VERDICT_GENUINE) {
            now.cause = FS_CAUSE_OTHER_HOST;
        }
    }
    // What later packets bring can only raise: the RST itself was judged when it came.
    if (concluded > now.verdict) {
        now.verdict = static_cast<__u8>(concluded);
    }
    if (now.verdict != FS_VERDICT_GENUINE) {
        now.cause = FS_CAUSE_FORGED;
    } else if (is_from_elsewhere_) {
        now.cause = FS_CAUSE_EDGE;
    }
    return now;
}

std::vector<Evidence> RstView::evidence() const {
    return describe(packet(), judgement(), slot_, later_);
}

}  // namespace flowstamp
