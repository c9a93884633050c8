// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/reset/open_challenges.h"

#include <gtest/gtest.h>

#include <optional>

#include "tests/support/events.h"

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using flowstamp::testing::example_flow;

constexpr unsigned kSender = 1;

class OpenChallengesTest : public ::testing::Test, protected analysis::SlotReader {
  protected:
    OpenChallengesTest() {
        flow.state &= ~(FST_OF(FST_FLOW_RST, 0) | FST_OF(FST_FLOW_RST, 1));
        flow.reset_flags[kSender] = FST_RESET_CHALLENGED;
        flow.generation = 7;
        for (fst_direction& direction : flow.direction) {
            direction.min_rtt_us = 0;
        }
    }
    [[nodiscard]] std::optional<fst_flow> read(std::uint32_t) const override { return flow; }

    fst_event reset(Nanoseconds time, std::uint8_t challenge = FST_CHALLENGE_ASKED) const {
        fst_event event{};
        event.header.kind = FST_EVENT_RST;
        event.packet.time_ns = static_cast<std::uint64_t>(time.count());
        event.packet.key = flow.key;
        event.packet.direction = kSender;
        event.judgement.challenge = challenge;
        event.slot = 3;
        event.generation = flow.generation;
        return event;
    }
    void ask(Nanoseconds time) { open.observe(reset(time), &flow); }
    std::size_t due(Nanoseconds now) { return open.take_due(now, *this).size(); }

    fst_flow flow = example_flow();
    analysis::OpenChallenges open;
};

TEST_F(OpenChallengesTest, IsAskedAgainFourTimesWithWaitsThatDouble) {
    ask(10s);
    EXPECT_EQ(due(10s + 199ms), 0u);
    for (const Nanoseconds wait : {200ms, 600ms, 1400ms, 3000ms}) {
        EXPECT_EQ(due(10s + wait - 1ms), 0u);
        EXPECT_EQ(due(10s + wait), 1u);
    }
    EXPECT_EQ(open.size(), 0u);
}

TEST_F(OpenChallengesTest, TheFirstWaitIsTwoRoundTripsBetweenTheEnds) {
    flow.direction[0].min_rtt_us = 100'000;
    flow.direction[1].min_rtt_us = 200'000;
    ask(10s);
    EXPECT_EQ(due(10s + 599ms), 0u);
    EXPECT_EQ(due(10s + 600ms), 1u);
}

/// Resets that come on and on put no question off.
TEST_F(OpenChallengesTest, ALaterResetMovesNothing) {
    ask(10s);
    ask(10s + 150ms);
    EXPECT_EQ(due(10s + 200ms), 1u);
}

TEST_F(OpenChallengesTest, IsForgottenOnceAnswered) {
    for (const std::uint8_t flags : {FST_RESET_CHALLENGED | FST_RESET_ALIVE, 0}) {
        ask(10s);
        flow.reset_flags[kSender] = flags;
        EXPECT_EQ(due(11s), 0u);
        EXPECT_EQ(open.size(), 0u);
        flow.reset_flags[kSender] = FST_RESET_CHALLENGED;
    }
}

TEST_F(OpenChallengesTest, AndOnceTheConnectionHasEnded) {
    const std::uint32_t state = flow.state;
    for (const std::uint32_t end : {FST_OF(FST_FLOW_RST, 0), FST_OF(FST_FLOW_RST, 1),
                                    FST_OF(FST_FLOW_FIN, 0) | FST_OF(FST_FLOW_FIN, 1)}) {
        ask(10s);
        flow.state = state | end;
        EXPECT_EQ(due(11s), 0u);
        EXPECT_EQ(open.size(), 0u);
        flow.state = state;
    }
}

TEST_F(OpenChallengesTest, NotOfAnotherFlowInTheSlot) {
    ask(10s);
    flow.generation++;
    EXPECT_EQ(due(11s), 0u);
}

TEST_F(OpenChallengesTest, OnlyWhatWasChallenged) {
    for (const auto challenge : {FST_CHALLENGE_NONE, FST_CHALLENGE_UPHELD}) {
        open.observe(reset(10s, static_cast<std::uint8_t>(challenge)), &flow);
    }
    fst_event tagged = reset(10s);
    tagged.packet.flags = FST_PACKET_VLAN;
    open.observe(tagged, &flow);
    EXPECT_EQ(open.size(), 0u);
}

}  // namespace
}  // namespace flowstamp
