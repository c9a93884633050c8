// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The rules on resets: decisions on which the data path and the analysis once differed, and that
// both agree on random connections.
#include "flowstamp/reset_rules.h"
#include "flowstamp/acceptance_rules.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <tuple>

#include "tests/datapath/conversation.h"
#include "tests/datapath/host_rig.h"
#include "user/analysis/reset/reset_observation.h"

namespace flowstamp::testing {
namespace {

// ---- SEQ_CHANGE: which edge, which guards ----

struct SequenceGuess : ::testing::Test {
    SequenceGuess() {
        own.flags = FST_DIRECTION_SEEN;
        own.seq_edge = 1000;
        other.flags = FST_DIRECTION_SEEN | FST_DIRECTION_ACKED;
        other.ack_edge = 1000;
        rst.seq = 2460;
        rst.tcp_flags = FST_TCP_RST;
        rst.ttl = 60;
    }
    [[nodiscard]] bool is_one() const {
        return fst_sequence_guess(&before, &rst, 500'000, &own, &other, signals, contexts);
    }
    fst_earlier_reset before{
        .seq = 1000, .time_us = 400'000, .ttl = 60, .tcp_flags = FST_TCP_RST, .padding = {}};
    fst_packet rst{};
    fst_direction own{};
    fst_direction other{};
    std::uint64_t signals = 0;
    std::uint32_t contexts = 0;
};

TEST_F(SequenceGuess, ASecondResetWithAHigherSequenceNumber) {
    EXPECT_TRUE(is_one());
}

/// A box guesses twice from one place: a genuine reset beside a forged one is no guess.
TEST_F(SequenceGuess, BothComeFromOnePlace) {
    rst.ttl = 61;
    EXPECT_TRUE(is_one()) << "over equal-cost paths";
    rst.ttl = 62;
    EXPECT_FALSE(is_one());
    rst.ttl = 124;
    EXPECT_TRUE(is_one()) << "another initial TTL at that distance";
}

/// A genuine reset may overtake its sender's last data, which then moves the edge past it: the edge
/// when the second reset arrives counts.
TEST_F(SequenceGuess, TheFirstMustBeAtOrAboveTheCurrentEdge) {
    own.seq_edge = 1001;
    EXPECT_FALSE(is_one());
}

TEST_F(SequenceGuess, TheSecondMustBeAboveTheAcknowledgedData) {
    other.ack_edge = 2458;
    EXPECT_FALSE(is_one());
    other.ack_edge = 2457;
    EXPECT_TRUE(is_one());
}

TEST_F(SequenceGuess, GuardsOfBothSidesHold) {
    for (const std::uint32_t context :
         {FST_CONTEXT_FIN, FST_CONTEXT_AFTER_OWN_RST, FST_CONTEXT_HALF_VIEW, FST_CONTEXT_TO_SYN,
          FST_CONTEXT_DUPLICATE_FRAME}) {
        contexts = context;
        EXPECT_FALSE(is_one()) << context;
    }
    contexts = FST_CONTEXT_STATELESS;
    EXPECT_TRUE(is_one());
    signals = FST_SIGNAL_BIT(FST_SIGNAL_TIMESTAMPS_VALID);
    EXPECT_FALSE(is_one());
}

TEST_F(SequenceGuess, EndsAfterTwoSecondsAndWithOtherFlags) {
    before.time_us = 500'000 - FST_SEQ_CHANGE_US;
    EXPECT_FALSE(is_one());
    before.time_us += 1;
    EXPECT_TRUE(is_one());
    before.tcp_flags = FST_TCP_RST | FST_TCP_ACK;
    EXPECT_FALSE(is_one());
}

// ---- which packets need an answer ----

TEST(WantsAnswer, WhatOccupiesSequenceSpaceAndKeepalives) {
    fst_direction own{};
    own.flags = FST_DIRECTION_SEEN;
    own.seq_edge = 5000;
    fst_packet packet{};
    packet.seq = 5000;
    packet.tcp_flags = FST_TCP_ACK;
    EXPECT_FALSE(fst_wants_answer(&own, &packet));
    packet.seq = 4999;  // a keepalive (RFC 9293, section 3.8.4)
    EXPECT_TRUE(fst_wants_answer(&own, &packet));
    own.flags = 0;  // without a known edge there is no keepalive
    EXPECT_FALSE(fst_wants_answer(&own, &packet));
    packet.tcp_flags = FST_TCP_FIN | FST_TCP_ACK;
    EXPECT_TRUE(fst_wants_answer(&own, &packet));
    packet.tcp_flags = FST_TCP_ACK;
    packet.payload = 1;
    EXPECT_TRUE(fst_wants_answer(&own, &packet));
}

// ---- data path and analysis on random connections ----

/// Random resets, some forged, some genuine, and other packets; and their events.
class RandomConnection {
  public:
    explicit RandomConnection(unsigned seed) : random_(seed), rig_(make_host_rig({})) {}

    std::vector<SeenEvent> play(int steps) {
        Setting setting;
        setting.rtt_us = std::uint64_t{1000} << below(6);
        setting.peer.timestamps = setting.us.timestamps = below(3) != 0;
        Conversation talk(*rig_, FST_HOOK_XDP, setting);
        note(talk.send(End::us, Syn), talk);
        note(talk.send(End::peer, TcpFlags(Syn | Ack)), talk);
        note(talk.send(End::us, Ack), talk);
        for (int i = 0; i < steps; i++) {
            rig_->advance_us(1 + below(300'000) / (1 + below(20)));
            note(talk.send(below(4) == 0 ? reset(talk) : segment(talk)), talk);
        }
        return events_;
    }

  private:
    std::uint32_t below(std::uint32_t bound) {
        return std::uniform_int_distribution<std::uint32_t>(0, bound - 1)(random_);
    }
    Segment segment(Conversation& talk) {
        const End from = below(2) ? End::us : End::peer;
        Segment segment = talk.next(from, below(30) == 0 ? TcpFlags(Fin | Ack) : Ack,
                                    below(3) == 0 ? 0 : below(1400));
        if (below(12) == 0) {
            segment.seq -= below(3000);
        }
        return segment;
    }
    Segment reset(Conversation& talk) {
        const End from = below(4) == 0 ? End::us : End::peer;
        Segment reset = talk.next(from, below(2) ? Rst : TcpFlags(Rst | Ack));
        reset.seq += below(3) * 1460 * below(2);
        reset.ttl = static_cast<std::uint8_t>(reset.ttl + below(3) * 3);
        if (below(2)) {
            reset.timestamps.reset();
        }
        return reset;
    }
    /// Events without the flow get it as it is after their packet.
    void note(const Outcome& outcome, const Conversation& talk) {
        for (SeenEvent event : outcome.events) {
            if (!event.flow) {
                event.flow = talk.flow();
            }
            events_.push_back(std::move(event));
        }
    }

    std::mt19937 random_;
    std::unique_ptr<Rig> rig_;
    std::vector<SeenEvent> events_;
};

analysis::Observation observation_of(const SeenEvent& seen) {
    analysis::Observation observation;
    observation.event = seen.event;
    observation.slot = seen.flow;
    return observation;
}

std::uint32_t time_us(const fst_packet& packet) {
    return static_cast<std::uint32_t>(packet.time_ns / 1000);
}

struct Compared {
    unsigned pairs = 0;
    unsigned guesses = 0;
    unsigned paths = 0;
    unsigned later_packets = 0;
    unsigned acks = 0;
    unsigned clocks = 0;
};

/// Whether the data path holds the reset against a later one.
bool is_acceptable(const SeenEvent& rst) {
    const unsigned side = rst.event.packet.direction & 1U;
    return (rst.event.judgement.context & (FST_CONTEXT_IN_WINDOW | FST_CONTEXT_TO_SYN)) ||
           !(rst.flow->direction[side ^ 1U].flags & FST_DIRECTION_ACKED);
}

/// The data path keeps one time for a burst of resets, and one distance where the sender's marks spoke for one of
/// them: a pair is compared only if that makes no difference.
bool is_comparable(const SeenEvent& first, const SeenEvent& second) {
    const unsigned side = second.event.packet.direction & 1U;
    const std::uint32_t since = time_us(second.event.packet) - time_us(first.event.packet);
    const std::uint32_t since_burst = time_us(second.event.packet) - first.flow->rst_us[side];
    const auto same_side = [&](std::uint32_t limit) {
        return (since < limit) == (since_burst < limit);
    };
    return same_side(FST_TWO_PATHS_US) && same_side(FST_SEQ_CHANGE_US) &&
           first.flow->rst_ttl[side] == first.event.packet.ttl;
}

void compare_pair(const SeenEvent& first, const SeenEvent& second, Compared& compared) {
    constexpr std::uint64_t kPair =
        FST_SIGNAL_BIT(FST_SIGNAL_SEQ_CHANGE) | FST_SIGNAL_BIT(FST_SIGNAL_TWO_PATHS);
    analysis::ResetObservation earlier(observation_of(first));
    analysis::ResetObservation later(observation_of(second));
    const std::uint64_t before = first.event.judgement.signals & kPair;
    earlier.compare_with_later(later);
    // The analysis adds its signals to the earlier reset, the data path to the later one.
    const std::uint64_t analysed = earlier.raised_signals() & kPair;
    const std::uint64_t on_arrival = second.event.judgement.signals & kPair;
    // ... and does not hold a guess against a reset that its sender's own marks speak for.
    const std::uint64_t spared = (first.event.judgement.signals & FST_SIGNALS_CORROBORATE_GENUINE)
                                     ? FST_SIGNAL_BIT(FST_SIGNAL_SEQ_CHANGE)
                                     : 0;
    // ... nor another path that anyone can make up.
    const std::uint64_t made_up = is_acceptable(second) ? 0 : FST_SIGNAL_BIT(FST_SIGNAL_TWO_PATHS);
    EXPECT_EQ(analysed & ~before, on_arrival & ~before & ~spared & ~made_up);
    compared.pairs++;
    compared.guesses += (on_arrival & FST_SIGNAL_BIT(FST_SIGNAL_SEQ_CHANGE)) != 0;
    compared.paths += (on_arrival & FST_SIGNAL_BIT(FST_SIGNAL_TWO_PATHS)) != 0;
}

/// Whether the packet's receiver takes it in, or answers it as a keepalive. A packet that does not
/// speak for its sender moves nothing that this goes by.
bool speaks_for_sender(const SeenEvent& seen) {
    const fst_packet& packet = seen.event.packet;
    const unsigned side = packet.direction & 1U;
    return !(packet.flags & FST_PACKET_OUT_OF_PROFILE) &&
           (fst_acceptance_of(&*seen.flow, &packet, static_cast<int>(side)) == FST_ACCEPTED ||
            packet.seq + 1 == seen.flow->direction[side ^ 1U].ack_edge);
}

/// The side's first packet after a reset that began a burst: compares the signals by the slot at
/// the reset, as in the analysis, with those of the data path.
void compare_later(const SeenEvent& rst, const SeenEvent& later, Compared& compared) {
    const fst_packet& packet = later.event.packet;
    const unsigned side = packet.direction & 1U;
    const fst_flow& then = *rst.flow;
    if (!speaks_for_sender(later) || !fst_same_distance(&then.direction[side], packet.ttl, 1) ||
        !fst_goes_on(&then.direction[side], &then.direction[side ^ 1U], &packet)) {
        EXPECT_EQ(later.event.judgement.signals, 0U);
        return;
    }
    const auto rst_ms = static_cast<std::uint32_t>(rst.event.packet.time_ns / 1'000'000);
    const bool ack = fst_acks_later_data(&packet, then.direction[side ^ 1U].seq_edge);
    const bool clock = fst_clock_went_on(&then.direction[side], &packet, then.state, rst_ms);
    const auto seen = [&](fst_signal signal) {
        return (later.event.judgement.signals & FST_SIGNAL_BIT(signal)) != 0;
    };
    EXPECT_EQ(ack, seen(FST_SIGNAL_LIVENESS_ACK));
    EXPECT_EQ(clock, seen(FST_SIGNAL_LIVENESS_CLOCK));
    compared.later_packets++;
    compared.acks += ack;
    compared.clocks += clock;
}

/// Once negotiated timestamps are on every segment, however fast the clock, and though it is not yet
/// known.
TEST(ResetRules, ASegmentWithoutTimestampsIsUnfit) {
    const fst_packet plain{};
    for (const unsigned flags : {0U, unsigned{FST_DIRECTION_TS_CLOCK},
                                 unsigned{FST_DIRECTION_TS_CLOCK | FST_DIRECTION_TS_FAST}}) {
        fst_direction own{};
        own.flags = static_cast<__u16>(flags);
        EXPECT_EQ(fst_timestamps_acceptance(&own, &plain, FST_FLOW_TS), FST_UNFIT) << flags;
        EXPECT_EQ(fst_timestamps_acceptance(&own, &plain, 0), FST_ACCEPTED) << flags;
    }
}

TEST(ResetRules, DatapathAndAnalysisAgree) {
    Compared compared;
    for (unsigned seed = 1; seed <= 900; seed++) {
        SCOPED_TRACE(seed);
        std::map<std::tuple<std::uint32_t, std::uint32_t, unsigned>, SeenEvent> latest;
        std::map<std::tuple<std::uint32_t, std::uint32_t, unsigned>, SeenEvent> watched;
        for (const SeenEvent& seen : RandomConnection(seed).play(60)) {
            const unsigned side = seen.event.packet.direction & 1U;
            const std::tuple key{seen.event.slot, seen.event.generation, side};
            if (seen.event.header.kind == FST_EVENT_RST) {
                const auto before = latest.find(key);
                if (before != latest.end() && is_comparable(before->second, seen)) {
                    compare_pair(before->second, seen, compared);
                }
                if (is_acceptable(seen)) {
                    latest.insert_or_assign(key, seen);
                }
                watched.erase(key);
                if (seen.flow->rst_us[side] == time_us(seen.event.packet)) {
                    watched.insert_or_assign(key, seen);
                }
            } else if (seen.event.header.kind == FST_EVENT_AFTER_RST) {
                if (const auto rst = watched.find(key); rst != watched.end()) {
                    compare_later(rst->second, seen, compared);
                    watched.erase(rst);
                }
            } else if (seen.event.header.kind == FST_EVENT_SYN) {
                latest.clear();
                watched.clear();
            }
        }
        if (HasFailure()) {
            break;
        }
    }
    // Without any signals the comparison would prove nothing.
    EXPECT_GT(compared.pairs, 500U);
    EXPECT_GT(compared.guesses, 8U);
    EXPECT_GT(compared.paths, 20U);
    EXPECT_GT(compared.later_packets, 500U);
    EXPECT_GT(compared.acks, 20U);
    EXPECT_GT(compared.clocks, 20U);
}

}  // namespace
}  // namespace flowstamp::testing
