// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/idle_periods.h"

#include <gtest/gtest.h>

namespace flowstamp {
namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kResumed = 100s;

/// An event of the flow in slot `slot`, at kResumed.
analysis::Observation event_of(fst_event_kind kind, std::uint32_t slot) {
    analysis::Observation observation;
    observation.event.header.kind = static_cast<__u8>(kind);
    observation.event.slot = slot;
    observation.event.generation = 1;
    observation.event.packet.time_ns = static_cast<__u64>(kResumed.count());
    return observation;
}

/// End 0 of the flow sends data after 30 s.
analysis::Observation resumed(std::uint32_t slot) {
    analysis::Observation observation = event_of(FST_EVENT_IDLE_RESUMED, slot);
    observation.event.packet.payload = 100;
    fst_flow& flow = observation.slot.emplace();
    flow.direction[1].last_ns = static_cast<__u64>((kResumed - 30s).count());
    for (fst_direction& end : flow.direction) {
        end.flags = FST_DIRECTION_SEEN | FST_DIRECTION_ACKED | FST_DIRECTION_DATA;
        end.window = 500;
    }
    return observation;
}

analysis::Observation acked(std::uint32_t slot) {
    return event_of(FST_EVENT_ACKED, slot);
}

/// A RST of end `direction`, `after` the time at which the flow resumed.
analysis::Observation rst(std::uint8_t direction, Nanoseconds after) {
    analysis::Observation observation = event_of(FST_EVENT_RST, 0);
    observation.event.packet.direction = direction;
    observation.event.packet.time_ns = static_cast<__u64>((kResumed + after).count());
    return observation;
}

const analysis::IdlePeriods::IdlePeriod* unanswered(const analysis::IdlePeriods& periods,
                                                    std::uint32_t slot) {
    return periods.unanswered(analysis::view_of(event_of(FST_EVENT_ACKED, slot).event));
}

TEST(IdlePeriods, LastUntilTheyAreAnswered) {
    analysis::IdlePeriods periods;
    periods.record(resumed(0));
    ASSERT_NE(unanswered(periods, 0), nullptr);
    EXPECT_EQ(unanswered(periods, 0)->length, 30s);
    EXPECT_FALSE(periods.survived());
    periods.record(acked(0));
    EXPECT_EQ(unanswered(periods, 0), nullptr);
    ASSERT_TRUE(periods.survived());
    EXPECT_EQ(periods.survived()->resumed_at, kResumed);
}

TEST(IdlePeriods, AreAnsweredByAnEarlyRstOfTheOtherEnd) {
    analysis::IdlePeriods periods;
    EXPECT_EQ(periods.answered_by(rst(1, 2s)), nullptr);
    periods.record(resumed(0));
    ASSERT_NE(periods.answered_by(rst(1, 2s)), nullptr);
    EXPECT_EQ(periods.answered_by(rst(1, 2s))->length, 30s);
    EXPECT_EQ(periods.answered_by(rst(1, 3s)), nullptr);
    EXPECT_EQ(periods.answered_by(rst(0, 2s)), nullptr);
}

/// While something is outstanding, a window is closed, or after a FIN, a flow is not idle.
TEST(IdlePeriods, OnlyOfAFlowThatWaitsForNothing) {
    const auto counts = [](auto change) {
        analysis::IdlePeriods periods;
        analysis::Observation observation = resumed(0);
        change(*observation.slot);
        periods.record(observation);
        return unanswered(periods, 0) != nullptr;
    };
    EXPECT_TRUE(counts([](fst_flow&) {}));
    EXPECT_FALSE(counts([](fst_flow& flow) { flow.direction[0].seq_edge += 100; }));
    EXPECT_FALSE(counts([](fst_flow& flow) { flow.direction[1].seq_edge += 100; }));
    EXPECT_FALSE(counts([](fst_flow& flow) { flow.direction[1].window = 0; }));
    EXPECT_FALSE(counts([](fst_flow& flow) { flow.state |= FST_OF(FST_FLOW_FIN, 1); }));
    EXPECT_FALSE(counts([](fst_flow& flow) { flow.direction[1].flags = 0; }));
}

TEST(IdlePeriods, TheOldestIsForgottenFirst) {
    analysis::IdlePeriods periods;
    for (std::uint32_t slot = 0; slot <= analysis::IdlePeriods::kMost; slot++) {
        periods.record(resumed(slot));
    }
    EXPECT_EQ(unanswered(periods, 0), nullptr);
    EXPECT_NE(unanswered(periods, 1), nullptr);
    EXPECT_NE(unanswered(periods, analysis::IdlePeriods::kMost), nullptr);
}

TEST(IdlePeriods, AnsweredOnesPushOutNone) {
    analysis::IdlePeriods periods;
    periods.record(resumed(0));
    periods.record(acked(0));
    periods.record(resumed(0));
    for (std::uint32_t slot = 1; slot <= analysis::IdlePeriods::kMost; slot++) {
        periods.record(resumed(slot));
        periods.record(acked(slot));
    }
    EXPECT_NE(unanswered(periods, 0), nullptr);
}

}  // namespace
}  // namespace flowstamp
