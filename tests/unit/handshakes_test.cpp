// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/handshakes.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace flowstamp {
namespace {

using namespace std::chrono_literals;

constexpr std::uint8_t kServer = 0;
constexpr std::uint8_t kClient = 1;

struct HandshakesTest : ::testing::Test {
    void saw(fst_event_kind kind, std::uint8_t direction, std::uint32_t seq) {
        analysis::Observation observation;
        observation.event.header.kind = static_cast<__u8>(kind);
        observation.event.slot = 3;
        observation.event.generation = 1;
        observation.event.packet.time_ns = static_cast<__u64>((now += 1s).count());
        observation.event.packet.direction = direction;
        observation.event.packet.seq = seq;
        tracked.record(observation);
    }
    /// The client's SYN, the server's answer, and the client's ACK.
    void shake_hands() {
        saw(FST_EVENT_SYN, kClient, 1000);
        saw(FST_EVENT_SYN_ACK, kServer, 5000);
        saw(FST_EVENT_ESTABLISHED, kClient, 1001);
    }
    const analysis::Handshakes::Handshake& handshake() {
        const auto* found = tracked.of({.slot = 3, .generation = 1, .ifindex = 0});
        if (found == nullptr) {
            throw std::runtime_error("no handshake is known");
        }
        return *found;
    }
    /// A flow of which the server has acknowledged this many bytes of data.
    static fst_flow acknowledged(std::uint32_t bytes) {
        fst_flow flow{};
        flow.isn[kClient] = 1000;
        flow.direction[kServer].ack_edge = 1001 + bytes;
        return flow;
    }
    analysis::Handshakes tracked;
    Nanoseconds now = 100s;
};

TEST_F(HandshakesTest, ASynAckRepeatedAfterTheLastAckIsAHalfAcceptedConnection) {
    shake_hands();
    EXPECT_FALSE(handshake().is_half_accepted(acknowledged(0))) << "no data has come yet";
    saw(FST_EVENT_SYN_ACK, kServer, 5000);
    EXPECT_EQ(handshake().repeated_after, 1U);
    EXPECT_TRUE(handshake().is_half_accepted(acknowledged(0)));
    EXPECT_FALSE(handshake().is_half_accepted(acknowledged(1))) << "it is accepted by then";
}

TEST_F(HandshakesTest, ASynAckRepeatedBeforeIsNone) {
    saw(FST_EVENT_SYN, kClient, 1000);
    saw(FST_EVENT_SYN_ACK, kServer, 5000);
    saw(FST_EVENT_SYN_ACK, kServer, 5000);
    saw(FST_EVENT_ESTABLISHED, kClient, 1001);
    EXPECT_EQ(handshake().repeated, 1U);
    EXPECT_EQ(handshake().repeated_after, 0U);
    EXPECT_FALSE(handshake().is_half_accepted(acknowledged(0)));
}

/// Two answers to one SYN are a matter of InjectedSegment.
TEST_F(HandshakesTest, ASynAckWithAnotherSequenceNumberIsNoRepetition) {
    shake_hands();
    saw(FST_EVENT_SYN_ACK, kServer, 777'777);
    EXPECT_EQ(handshake().repeated, 0U);
    EXPECT_FALSE(handshake().is_half_accepted(acknowledged(0)));
}

TEST_F(HandshakesTest, AnotherSynBeginsAnew) {
    shake_hands();
    saw(FST_EVENT_SYN_ACK, kServer, 5000);
    saw(FST_EVENT_SYN, kClient, 2000);
    EXPECT_EQ(handshake().syns, 1U);
    EXPECT_EQ(handshake().repeated_after, 0U);
    EXPECT_FALSE(handshake().established);
}

TEST_F(HandshakesTest, TheFirstAckCounts) {
    shake_hands();
    const Nanoseconds established = now;
    saw(FST_EVENT_ESTABLISHED, kClient, 1001);
    EXPECT_EQ(handshake().established, established);
}

TEST_F(HandshakesTest, OneThatHasOpenedUndisturbedIsForgottenSoon) {
    shake_hands();
    tracked.advance(now + analysis::Handshakes::kAfterOpening - 1s);
    EXPECT_EQ(handshake().syns, 1U);
    tracked.advance(now + analysis::Handshakes::kAfterOpening);
    EXPECT_THROW((void)handshake(), std::runtime_error);
}

TEST_F(HandshakesTest, OneWhoseAnswerWasRepeatedIsRemembered) {
    shake_hands();
    saw(FST_EVENT_SYN_ACK, kServer, 5000);
    tracked.advance(now + analysis::Handshakes::kAfterOpening);
    EXPECT_EQ(handshake().repeated_after, 1U);
}

}  // namespace
}  // namespace flowstamp
