// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/segment_memory.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <algorithm>
#include <numeric>

namespace flowstamp {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// A sender's data, by sequence number.
Bytes stream(std::uint32_t seq, std::size_t length) {
    Bytes bytes(length);
    for (std::size_t i = 0; i < length; i++) {
        bytes[i] = static_cast<std::uint8_t>((seq + i) * 167 >> 3);
    }
    return bytes;
}

struct SegmentMemoryTest : ::testing::Test {
    std::optional<analysis::OtherBytes> record(std::uint32_t seq, const Bytes& bytes,
                                               std::uint8_t flags = 0x18, std::uint16_t port = 443,
                                               std::uint8_t direction = 1) {
        fst_packet packet{};
        packet.seq = seq;
        packet.key.port[1] = port;
        packet.key.ifindex = 1;
        packet.key.protocol = IPPROTO_TCP;
        packet.direction = direction;
        packet.tcp_flags = flags;
        packet.ttl = 57;
        packet.ip_id = static_cast<std::uint16_t>(4000 + frame);
        return memory.record(packet, bytes, ++frame);
    }
    analysis::SegmentMemory memory;
    std::uint64_t frame = 0;
};

TEST_F(SegmentMemoryTest, OtherBytesForTheSameSequenceNumbers) {
    EXPECT_FALSE(record(1000, stream(1000, 100)));
    const auto other = record(1000, Bytes(60, 0));
    ASSERT_TRUE(other);
    EXPECT_EQ(other->frame, 1U);
    EXPECT_EQ(other->ip_id, 4000);
    EXPECT_EQ(other->ttl, 57);
    EXPECT_EQ(other->compared, analysis::SegmentMemory::kKept);
    EXPECT_GT(other->differ, 30U);
}

TEST_F(SegmentMemoryTest, ARetransmissionIsTheSame) {
    for (int times = 0; times < 3; times++) {
        EXPECT_FALSE(record(1000, stream(1000, 100)));
    }
}

/// A retransmission may have other boundaries than the original segments.
TEST_F(SegmentMemoryTest, RetransmittedWithOtherBoundaries) {
    for (std::uint32_t seq = 1000; seq < 1200; seq += 20) {
        EXPECT_FALSE(record(seq, stream(seq, 20)));
    }
    for (std::uint32_t seq = 1000; seq < 1200; seq += 7) {
        EXPECT_FALSE(record(seq, stream(seq, 90))) << seq;
    }
    EXPECT_TRUE(record(1190, Bytes(30, 0)));
}

TEST_F(SegmentMemoryTest, AcrossTheWrapOfSequenceNumbers) {
    EXPECT_FALSE(record(0xfffffff0, stream(0xfffffff0, 40)));
    EXPECT_FALSE(record(0xfffffffc, stream(0xfffffffc, 40)));
    EXPECT_FALSE(record(4, stream(4, 40)));
    EXPECT_TRUE(record(0xfffffff8, Bytes(40, 1)));
}

/// RFC 9293, section 3.8.4: a keepalive may carry one byte of garbage. And bits may flip.
TEST_F(SegmentMemoryTest, KeepalivesAndBitErrorsAreIgnored) {
    EXPECT_FALSE(record(1000, stream(1000, 100)));
    EXPECT_FALSE(record(1000, Bytes(1, 0)));
    EXPECT_FALSE(record(1000, Bytes(7, 0)));
    Bytes damaged = stream(1000, 100);
    for (const std::size_t at : {3U, 9U, 20U}) {
        damaged[at] = static_cast<std::uint8_t>(~damaged[at]);
    }
    EXPECT_FALSE(record(1000, damaged));
}

TEST_F(SegmentMemoryTest, NewConnectionsAndOtherFlowsAreNotCompared) {
    EXPECT_FALSE(record(1000, stream(1000, 100)));
    EXPECT_FALSE(record(1000, Bytes(100, 0), 0x18, 80));
    EXPECT_FALSE(record(1000, Bytes(100, 0), 0x18, 443, 0));
    EXPECT_FALSE(record(999, {}, 0x02));
    EXPECT_FALSE(record(1000, Bytes(100, 0)));
}

/// RFC 9293, section 3.10.7: the payload of a RST is no data.
TEST_F(SegmentMemoryTest, AResetsPayloadIsNoData) {
    EXPECT_FALSE(record(1000, stream(1000, 100)));
    EXPECT_FALSE(record(1000, Bytes(100, 0), 0x14));
}

TEST_F(SegmentMemoryTest, ForgetsAfterEightSegments) {
    EXPECT_FALSE(record(1000, stream(1000, 40)));
    for (std::uint32_t i = 1; i <= 8; i++) {
        EXPECT_FALSE(record(1000 + 40 * i, stream(1000 + 40 * i, 40)));
    }
    EXPECT_FALSE(record(1000, Bytes(40, 0)));
    EXPECT_TRUE(record(1320, Bytes(40, 0)));
}

TEST_F(SegmentMemoryTest, MemoryIsBoundedForManyFlows) {
    for (std::uint32_t flow = 0; flow < 60'000; flow++) {
        const auto port = static_cast<std::uint16_t>(flow);
        EXPECT_FALSE(record(flow, stream(flow, 40), 0x18, port));
        EXPECT_TRUE(record(flow, Bytes(40, 0), 0x18, port));
    }
}

}  // namespace
}  // namespace flowstamp
