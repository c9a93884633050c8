// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/reset/reset_observation.h"

#include <algorithm>
#include <cstdlib>

#include "flowstamp/acceptance_rules.h"
#include "flowstamp/reset_rules.h"
#include "user/analysis/finding_updates.h"
#include "user/net/stamps.h"

namespace flowstamp::analysis {

namespace {

constexpr std::uint16_t kIdStep = 256;  // an ID less far ahead than this continues the counter
constexpr Nanoseconds kTwoPathsWithin = std::chrono::microseconds(FST_TWO_PATHS_US);

/// Signals that the RST's sender is live, and signals that it also receives the other end's
/// packets: with a second host behind the address, or a REJECT on the peer, the peer is live but
/// receives none.
constexpr std::uint64_t kIsLive =
    FST_SIGNAL_BIT(FST_SIGNAL_LIVENESS_CLOCK) | FST_SIGNAL_BIT(FST_SIGNAL_LIVENESS_ID) |
    FST_SIGNAL_BIT(FST_SIGNAL_LIVENESS_DATA) | FST_SIGNAL_BIT(FST_SIGNAL_REFUTED);
constexpr std::uint64_t kReceives =
    FST_SIGNAL_BIT(FST_SIGNAL_LIVENESS_ACK) | FST_SIGNAL_BIT(FST_SIGNAL_BEYOND_WINDOW);

constexpr std::uint64_t kSpeaksAgainst =
    FST_SIGNALS_CONCLUSIVE | FST_SIGNALS_STRONG | FST_SIGNALS_WEAK_CORROBORATING;

std::uint32_t time_us(const fst_packet& packet) {
    return static_cast<std::uint32_t>(packet.time_ns / 1000);
}

Nanoseconds apart(const fst_packet& earlier, const fst_packet& later) {
    return Nanoseconds(static_cast<std::int64_t>(later.time_ns - earlier.time_ns));
}

/// Whether all packets of both ends have one IP-ID: no two stacks do. A program has written them,
/// and what comes after one of them shows nothing about a peer.
bool is_synthetic(const fst_flow& flow) {
    constexpr std::size_t kPackets = 3;
    const auto one = net::stamps_of(flow.direction[0]);
    const auto two = net::stamps_of(flow.direction[1]);
    if (one.empty() || two.empty() || one.size() + two.size() < kPackets) {
        return false;
    }
    const std::uint16_t id = one.front().ip_id;
    const auto is_same = [id](const fst_stamp& stamp) { return stamp.ip_id == id; };
    return id != 0 && std::ranges::all_of(one, is_same) && std::ranges::all_of(two, is_same);
}

}  // namespace

ResetObservation::ResetObservation(const Observation& observation)
    : key_(view_of(observation.event)),
      sighting_(sighting_of(observation)),
      arrival_(observation.event.judgement),
      slot_(observation.slot.value_or(fst_flow{})),
      is_synthetic_(is_synthetic(slot_)) {}

bool ResetObservation::is_from_own_distance() const {
    return fst_from_own_distance(&slot_.direction[direction()], packet().ttl, &arrival_);
}

void ResetObservation::consider(const HostMemory::Host& host) {
    const fst_direction& own = slot_.direction[direction()];
    if (arrival_.action != FST_ACTION_OBSERVED) {
        return;
    }
    // A load balancer may answer the handshake from one distance and serve from another: only the
    // handshake of this flow is known yet.
    if (!(own.flags & FST_DIRECTION_BASE) && host.sends_from(arrival_.hops)) {
        cleared_signals_ |= FST_MASK_PATH;
    }
    // No packet of this end was seen on this flow, but on others. A kernel without the connection
    // is excluded by the shape of the RST: its TTL would be the default.
    constexpr std::uint32_t kNoGuess = FST_CONTEXT_STATELESS | FST_CONTEXT_TO_SYN;
    is_from_elsewhere_ = (arrival_.context & FST_CONTEXT_NO_BASELINE) &&
                         !(arrival_.context & kNoGuess) && host.is_foreign_ttl(packet().ttl);
    // A SYN refused from nearer than the host ever was: a firewall's REJECT.
    if (const auto nearest = host.nearest_hops(); arrival_.context & FST_CONTEXT_TO_SYN) {
        is_from_elsewhere_ = nearest && arrival_.hops + 2 <= *nearest;
    }
    // Too few packets yet to know how it counts its IP-IDs: its other flows show what host it is.
    if (fst_lacks_timestamps(&slot_, &packet()) && fst_id_class_of(&own) == FST_ID_UNKNOWN &&
        host.is_linux_like()) {
        later_signals_ |= FST_SIGNAL_BIT(FST_SIGNAL_NO_TIMESTAMPS);
    }
}

/// Whether it may come from its sender's own distance: a kernel without the connection answers with
/// its default TTL, whatever the socket's was.
bool ResetObservation::may_be_from_own_distance() const {
    const bool other_base = arrival_.signals & FST_SIGNAL_BIT(FST_SIGNAL_TTL_BASE);
    const bool nearer = arrival_.signals & FST_SIGNAL_BIT(FST_SIGNAL_NEARER);
    const bool farther = arrival_.signals & FST_SIGNAL_BIT(FST_SIGNAL_FARTHER);
    return !nearer && (other_base || !farther);
}

/// Whether the packet comes from within a hop of any earlier packet of this side. One spoofed
/// packet may have added the forger's TTL; the others are the sender's all the same.
bool ResetObservation::is_from_senders_distance(const fst_packet& later) const {
    const fst_direction& own = slot_.direction[direction()];
    return own.ttl[0] == 0 || fst_same_distance(&own, later.ttl, 1);
}

/// Whether a later packet counts as evidence: in time, and from the peer's distance.
bool ResetObservation::observes(const fst_packet& later) const {
    const Nanoseconds after = apart(packet(), later);
    const bool refuted = later_signals_ & FST_SIGNAL_BIT(FST_SIGNAL_REFUTED);
    if (!observing_ || after < Nanoseconds::zero() ||
        after > (refuted ? kObservationWhenChallenged : kObservation) ||
        (later.tcp_flags & (FST_TCP_RST | FST_TCP_SYN)) != 0 ||
        (later.flags & (FST_PACKET_DUPLICATE_FRAME | FST_PACKET_OUT_OF_PROFILE))) {
        return false;
    }
    return !repeats_old_data(later) && is_from_senders_distance(later) && is_vouched_as_well(later);
}

/// What its sender's own marks speak for is not called forged for a packet that lacks them.
bool ResetObservation::is_vouched_as_well(const fst_packet& later) const {
    const auto arrived_with = [&](fst_signal signal) {
        return (arrival_.signals & FST_SIGNAL_BIT(signal)) != 0;
    };
    if (arrived_with(FST_SIGNAL_ID_IN_SEQUENCE) && !continues_id(later)) {
        return false;
    }
    const auto passed_ms =
        static_cast<std::int64_t>(apart(packet(), later) / std::chrono::milliseconds(1));
    return !arrived_with(FST_SIGNAL_TIMESTAMPS_VALID) ||
           ((later.flags & FST_PACKET_TS) &&
            fst_sequence_after(later.ts_val, packet().ts_val) <= passed_ms + FST_CLOCK_AHEAD);
}

/// Whether all its bytes were acknowledged before the RST came (but not a keepalive's, the last
/// one): a challenge that passes another interface of this host looks like this, and shows no
/// liveness.
bool ResetObservation::repeats_old_data(const fst_packet& later) const {
    const fst_direction& other = slot_.direction[direction() ^ 1U];
    return later.payload != 0 && (other.flags & FST_DIRECTION_SEEN) &&
           fst_sequence_after(later.seq + later.payload, other.ack_edge) < 0;
}

/// A kernel without the connection answers our ACK like this, while another host behind the address
/// goes on: only signs that the peer receives our ACKs distinguish that from a forgery.
bool ResetObservation::may_be_other_host() const {
    constexpr std::uint32_t kStatelessAnswer = FST_CONTEXT_STATELESS | FST_CONTEXT_PROVOKED;
    return (arrival_.context & kStatelessAnswer) == kStatelessAnswer && may_be_from_own_distance();
}

bool ResetObservation::is_first_of_burst() const {
    return slot_.rst_us[direction()] == static_cast<std::uint32_t>(packet().time_ns / 1000);
}

bool ResetObservation::acknowledges_later_data(const fst_packet& later) const {
    const fst_direction& other = slot_.direction[direction() ^ 1U];
    return (other.flags & FST_DIRECTION_SEEN) && fst_acks_later_data(&later, other.seq_edge);
}

/// A reset with timestamps shows its sender's clock itself; the data path does not keep that value.
bool ResetObservation::clock_went_on(const fst_packet& later) const {
    if (packet().flags & later.flags & FST_PACKET_TS) {
        return fst_sequence_after(later.ts_val, packet().ts_val) >= FST_CLOCK_TICKS;
    }
    const auto rst_ms = static_cast<std::uint32_t>(packet().time_ns / 1'000'000);
    return fst_clock_went_on(&slot_.direction[direction()], &later, slot_.state, rst_ms);
}

bool ResetObservation::id_went_on(const fst_packet& later) const {
    const bool continued = (packet().tcp_flags & FST_TCP_ACK) &&
                           (arrival_.signals & FST_SIGNAL_BIT(FST_SIGNAL_ID_IN_SEQUENCE)) &&
                           fst_id_class_of(&slot_.direction[direction()]) == FST_ID_FLOW;
    return continued && continues_id(later);
}

bool ResetObservation::continues_id(const fst_packet& later) const {
    return !(later.flags & FST_PACKET_IPV6) && later.ip_id != 0 &&
           static_cast<std::uint16_t>(later.ip_id - packet().ip_id) < kIdStep;
}

bool ResetObservation::is_data_beyond(const fst_packet& later) const {
    const fst_direction& own = slot_.direction[direction()];
    return later.payload > 0 && (own.flags & FST_DIRECTION_SEEN) &&
           fst_sequence_after(packet().seq, own.seq_edge) >= 0 &&
           fst_sequence_after(later.seq + later.payload, packet().seq) > 0;
}

/// More than the receiver had allowed when the RST came: a sender that does not receive its ACKs
/// since then cannot send that. The kernel's test is approximate; this one is exact.
bool ResetObservation::exceeds_window(const fst_packet& later) const {
    const unsigned receiver = direction() ^ 1U;
    const fst_direction& other = slot_.direction[receiver];
    const std::uint32_t edge =
        other.ack_edge + fst_receive_window(&slot_, static_cast<int>(receiver));
    return (other.flags & FST_DIRECTION_ACKED) &&
           fst_beyond_window(later.seq + later.payload, edge);
}

bool ResetObservation::add(fst_signal signal, std::optional<fst_packet>& place,
                           const fst_packet& packet) {
    if (later_signals_ & FST_SIGNAL_BIT(signal)) {
        return false;
    }
    later_signals_ |= FST_SIGNAL_BIT(signal);
    place = packet;
    return true;
}

bool ResetObservation::see_later_packet(const fst_event& event) {
    const fst_packet& later = event.packet;
    if (!observes(later)) {
        return false;
    }
    // The kernel tests liveness against the first RST of a burst; for the others it is tested here.
    const auto kernel_saw = [&](fst_signal signal) {
        return (event.judgement.signals & FST_SIGNAL_BIT(signal)) != 0;
    };
    bool brought = false;
    if (kernel_saw(FST_SIGNAL_LIVENESS_ACK) &&
        (is_first_of_burst() || acknowledges_later_data(later))) {
        brought |= add(FST_SIGNAL_LIVENESS_ACK, later_.liveness_ack, later);
    }
    if (kernel_saw(FST_SIGNAL_LIVENESS_CLOCK) && (is_first_of_burst() || clock_went_on(later))) {
        brought |= add(FST_SIGNAL_LIVENESS_CLOCK, later_.liveness_clock, later);
    }
    if (kernel_saw(FST_SIGNAL_BEYOND_WINDOW) && exceeds_window(later)) {
        brought |= add(FST_SIGNAL_BEYOND_WINDOW, later_.beyond_window, later);
    }
    if (id_went_on(later)) {
        brought |= add(FST_SIGNAL_LIVENESS_ID, later_.liveness_id, later);
    }
    if (is_data_beyond(later)) {
        brought |= add(FST_SIGNAL_LIVENESS_DATA, later_.liveness_data, later);
    }
    return brought;
}

fst_earlier_reset ResetObservation::as_earlier() const {
    return {.seq = packet().seq,
            .time_us = time_us(packet()),
            .ttl = packet().ttl,
            .tcp_flags = packet().tcp_flags,
            .padding = {}};
}

/// Whether its receiver acts on it, as the data path has it (is_acceptable() there): what is outside
/// of the window is no evidence about another reset.
bool ResetObservation::was_acceptable() const {
    const bool has_window = slot_.direction[direction() ^ 1U].flags & FST_DIRECTION_ACKED;
    return would_be_accepted() || !has_window;
}

bool ResetObservation::guesses_on(const ResetObservation& later) const {
    const fst_earlier_reset earlier = as_earlier();
    const fst_direction& own = later.slot_.direction[direction()];
    const fst_direction& other = later.slot_.direction[direction() ^ 1U];
    return fst_sequence_guess(&earlier, &later.packet(), time_us(later.packet()), &own, &other,
                              later.arrival_.signals, later.arrival_.context);
}

bool ResetObservation::takes_another_path(const ResetObservation& later) const {
    const fst_earlier_reset earlier = as_earlier();
    return fst_two_paths(&earlier, &later.packet(), time_us(later.packet()),
                         later.arrival_.context);
}

bool ResetObservation::compare_with_later(ResetObservation& later_rst) {
    bool brought = false;
    if (was_acceptable() && guesses_on(later_rst)) {
        // One that its sender's own marks speak for may be the one that the other answers.
        if (!(arrival_.signals & FST_SIGNALS_CORROBORATE_GENUINE)) {
            brought |= add(FST_SIGNAL_SEQ_CHANGE, later_.other_rst, later_rst.packet());
        }
        later_rst.add(FST_SIGNAL_SEQ_CHANGE, later_rst.later_.other_rst, packet());
    }
    if (was_acceptable() && takes_another_path(later_rst)) {
        // Anyone can send one that its receiver throws away.
        if (later_rst.was_acceptable()) {
            brought |= add(FST_SIGNAL_TWO_PATHS, later_.other_rst, later_rst.packet());
        }
        later_rst.add(FST_SIGNAL_TWO_PATHS, later_rst.later_.other_rst, packet());
    }
    // Of two resets in the name of a side of which nothing else was seen, the nearer one is a
    // middlebox's. A bare RST is excluded: it may have a kernel's default TTL.
    const std::uint32_t unseen = arrival_.context & later_rst.arrival_.context;
    if ((unseen & FST_CONTEXT_NO_BASELINE) && (packet().tcp_flags & FST_TCP_ACK) &&
        (later_rst.packet().tcp_flags & FST_TCP_ACK) &&
        apart(packet(), later_rst.packet()) <= kTwoPathsWithin) {
        ResetObservation& nearer = arrival_.hops < later_rst.arrival_.hops ? *this : later_rst;
        ResetObservation& farther = &nearer == this ? later_rst : *this;
        if (nearer.arrival_.hops + 2 <= farther.arrival_.hops) {
            brought |= &nearer == this && !is_from_elsewhere_;
            nearer.is_from_elsewhere_ = true;
        }
    }
    return brought;
}

bool ResetObservation::add_syn_ack(const fst_packet& syn_ack) {
    return add(FST_SIGNAL_SYN_RST, later_.syn_ack, syn_ack);
}

void ResetObservation::set_made_here(std::optional<MadeHere> made_here) {
    later_signals_ &= ~FST_SIGNAL_BIT(FST_SIGNAL_MADE_HERE);
    later_signals_ |= FST_SIGNAL_IF(made_here, FST_SIGNAL_MADE_HERE);
    later_.made_here = std::move(made_here);
}

bool ResetObservation::refute(const fst_packet& packet) {
    return add(FST_SIGNAL_REFUTED, later_.refuted, packet);
}

void ResetObservation::uphold() {
    upheld_ = true;
}

/// Whether it would have ended the connection: if not, later liveness proves nothing.
bool ResetObservation::would_be_accepted() const {
    return arrival_.context & (FST_CONTEXT_IN_WINDOW | FST_CONTEXT_TO_SYN);
}

fst_judgement ResetObservation::judgement() const {
    fst_judgement now = arrival_;
    if (arrival_.signals & cleared_signals_) {
        now.signals &= ~cleared_signals_;
        now.verdict = static_cast<__u8>(fst_conclude(now.signals, now.context));
        if (now.verdict == FST_VERDICT_GENUINE && now.cause == FST_CAUSE_FORGED) {
            now.cause = FST_CAUSE_EDGE;
        }
    }
    const bool proves_nothing = !would_be_accepted() || is_synthetic_;
    now.signals |= proves_nothing ? later_signals_ & ~FST_MASK_LIVENESS : later_signals_;
    fst_verdict concluded = fst_conclude(now.signals, now.context);
    if (may_be_other_host() && (now.signals & kIsLive) && !(now.signals & kReceives)) {
        // Live, but may not receive our packets: challenged and not upheld, suspected at most.
        const bool suspicious = (now.signals & FST_SIGNAL_BIT(FST_SIGNAL_REFUTED)) && !upheld_;
        now.signals &= ~(kIsLive & ~FST_SIGNAL_BIT(FST_SIGNAL_REFUTED));
        if (upheld_) {
            now.signals &= ~FST_SIGNAL_BIT(FST_SIGNAL_REFUTED);
        }
        concluded = suspicious ? FST_VERDICT_SUSPECTED : fst_conclude(now.signals, now.context);
        if (arrival_.verdict == FST_VERDICT_GENUINE) {
            now.cause = FST_CAUSE_OTHER_HOST;
        }
    }
    // Who answers a challenge as a stack does, and is live as well, are two: which of them is the
    // peer is not known.
    if (arrival_.challenge == FST_CHALLENGE_UPHELD && concluded == FST_VERDICT_CONFIRMED) {
        concluded = FST_VERDICT_SUSPECTED;
    }
    // Of two resets that name different places in the stream, an earlier one that its receiver asked
    // for, and against which nothing else speaks, may be the sender's own.
    if ((later_signals_ & FST_SIGNAL_BIT(FST_SIGNAL_SEQ_CHANGE)) && later_.other_rst &&
        later_.other_rst->time_ns > packet().time_ns && (arrival_.context & FST_CONTEXT_EXACT) &&
        concluded == FST_VERDICT_CONFIRMED &&
        !(now.signals & kSpeaksAgainst & ~FST_SIGNAL_BIT(FST_SIGNAL_SEQ_CHANGE))) {
        concluded = FST_VERDICT_SUSPECTED;
    }
    // Later packets can only raise the verdict: the RST itself was judged when it came.
    if (concluded > now.verdict) {
        now.verdict = static_cast<__u8>(concluded);
    }
    if (later_.made_here) {  // however little of the flow was seen, and whatever it looks like
        now.verdict = FST_VERDICT_CONFIRMED;
    }
    if (now.verdict != FST_VERDICT_GENUINE) {
        now.cause = FST_CAUSE_FORGED;
    } else if (is_from_elsewhere_) {
        now.cause = FST_CAUSE_EDGE;
    }
    return now;
}

std::vector<Evidence> ResetObservation::evidence() const {
    return describe(packet(), judgement(), slot_, later_);
}

}  // namespace flowstamp::analysis
