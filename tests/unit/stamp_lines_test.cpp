// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/compare/stamp_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "user/cmd/compare/read_recording.h"
#include "user/net/endpoint.h"

namespace flowstamp::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kStamp =
    R"({"timestamp":"2026-11-20T12:00:00.123456+0000","in_iface":"eth0","event_type":"stamp",)"
    R"("src_ip":"192.0.2.1","src_port":40000,"dest_ip":"198.51.100.7","dest_port":443,)"
    R"("proto":"TCP","community_id":"1:x","stamp":{"hook":"tcx","direction":"out","segments":45,)"
    R"("payload":65160},"packet":{"ttl":64,"hops":0,"ipid":4660,"df":true,"tcp_flags":"18",)"
    R"("tcpseq":1000,"tcpack":9000,"tcpwin":501,"len":65212}})";

std::unique_ptr<net::ByteSource> source_of(std::string_view text) {
    return std::make_unique<net::MemorySource>(std::vector<std::uint8_t>(text.begin(), text.end()));
}

TEST(StampLines, GiveThePacket) {
    cmd::StampLines lines(source_of(std::string(kStamp) + "\n"), "x.json");
    const auto stamp = lines.next();
    ASSERT_TRUE(stamp && *stamp);
    const fst_packet& packet = (*stamp)->packet;
    EXPECT_EQ((*stamp)->line, 1U);
    EXPECT_EQ(packet.time_ns, 1'795'176'000'123'456'000U);
    EXPECT_EQ(net::sender_of(packet).text(), "192.0.2.1:40000");
    EXPECT_EQ(net::receiver_of(packet).text(), "198.51.100.7:443");
    EXPECT_EQ(packet.seq, 1000U);
    EXPECT_EQ(packet.ack, 9000U);
    EXPECT_EQ(packet.payload, 65160U);
    EXPECT_EQ(packet.ip_bytes, 65212U);
    EXPECT_EQ(packet.tcp_flags, FST_TCP_PSH | FST_TCP_ACK);
    EXPECT_EQ(packet.ttl, 64);
    EXPECT_EQ(packet.ip_id, 4660);
    EXPECT_TRUE(packet.flags & FST_PACKET_DF);
    EXPECT_FALSE((*lines.next()).has_value());
}

TEST(StampLines, OtherEventsArePassedOver) {
    cmd::StampLines lines(source_of("{\"event_type\":\"stats\"}\n\n{\"event_type\":\"stamp\"}\n" +
                                    std::string(kStamp)),  // and its line has no end
                          "x.json");
    const auto stamp = lines.next();
    ASSERT_TRUE(stamp && *stamp);
    EXPECT_EQ((*stamp)->line, 4U);
    EXPECT_FALSE((*lines.next()).has_value());
}

TEST(StampLines, WhatIsNoJsonIsAnErrorWithItsLine) {
    cmd::StampLines lines(source_of(std::string(kStamp) + "\n{\"event_type\":"), "x.json");
    EXPECT_TRUE(lines.next());
    const auto broken = lines.next();
    ASSERT_FALSE(broken);
    EXPECT_THAT(broken.error().message(), HasSubstr("line 2 is no JSON object"));
}

TEST(StampLines, AFileWithoutStampsIsAnError) {
    const auto read =
        cmd::read_recording(source_of("{\"event_type\":\"stats\"}\n"), "x.json",
                            [](std::optional<double>, std::uint64_t) { return true; });
    ASSERT_FALSE(read);
    EXPECT_THAT(read.error().message(), HasSubstr("no stamps in it"));
}

TEST(StampLines, AreReadWhereACaptureMayStand) {
    const auto read =
        cmd::read_recording(source_of(std::string(kStamp) + "\n"), "x.json",
                            [](std::optional<double>, std::uint64_t) { return true; });
    ASSERT_TRUE(read);
    EXPECT_EQ(read->recording.size(), 1U);
    EXPECT_FALSE(read->recording.has_options());
}

}  // namespace
}  // namespace flowstamp::testing
