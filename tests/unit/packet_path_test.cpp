// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/packet_path.h"

#include <gtest/gtest.h>

#include "flowstamp/stamp.h"
#include "user/pathtrace/path_flow.h"
#include "user/pathtrace/untranslated.h"

namespace flowstamp {
namespace {

using namespace std::chrono_literals;

fst_path_tuple tuple(std::uint8_t from, std::uint16_t from_port, std::uint8_t to,
                     std::uint16_t to_port) {
    fst_path_tuple result{};
    result.source[3] = from;
    result.destination[3] = to;
    result.source_port = from_port;
    result.destination_port = to_port;
    result.protocol = 6;
    return result;
}

const fst_path_tuple kOriginal = tuple(1, 40000, 2, 80);      // the client to the public address
const fst_path_tuple kTranslated = tuple(1, 40000, 3, 8080);  // after DNAT

/// A packet on its path, record by record.
class Packet {
  public:
    Packet(__u64 skb, std::uint64_t at_us, const fst_path_tuple& name) {
        event_.header.kind = FST_PATH_STATION;
        event_.skb = skb;
        event_.began_ns = event_.time_ns = at_us * 1000;
        event_.tuple = name;
        event_.segments = 1;
    }
    Packet& entry(const fst_path_tuple& original, const fst_path_tuple& reply,
                  bool is_reply = false) {
        event_.flags = FST_PATH_CONNTRACK | (is_reply ? std::uint32_t{FST_PATH_REPLY} : 0U);
        event_.original = original;
        event_.reply = reply;
        return *this;
    }
    Packet& related() {
        event_.flags |= FST_PATH_RELATED;
        return *this;
    }
    Packet& continued() {
        event_.flags |= FST_PATH_CONTINUED;
        return *this;
    }
    Packet& later(std::uint64_t us) {
        event_.time_ns += us * 1000;
        return *this;
    }
    Packet& refuses() {
        event_.tcp_flags = FST_TCP_RST | FST_TCP_ACK;
        return *this;
    }
    Packet& translated(fst_path_flags how) {
        event_.flags |= how;
        return *this;
    }
    Packet& in(std::uint32_t netns) {
        event_.netns = netns;
        return *this;
    }
    Packet& to_bridge_port(std::uint32_t ifindex) {
        event_.bridge_port_in = 1;
        event_.bridge_port_out = ifindex;
        return *this;
    }
    Packet& segments(std::uint16_t count) {
        event_.segments = count;
        return *this;
    }
    fst_path_event at(fst_path_place place, std::uint32_t station) {
        event_.place = static_cast<__u8>(place);
        event_.station = station;
        return next(FST_PATH_STATION);
    }
    fst_path_event dropped(std::uint32_t reason) {
        event_.drop_reason = reason;
        return next(FST_PATH_DROPPED);
    }
    fst_path_event consumed() { return next(FST_PATH_CONSUMED); }
    fst_path_event at_socket() { return next(FST_PATH_SOCKET); }

  private:
    fst_path_event next(fst_path_kind kind) {
        event_.header.kind = static_cast<__u8>(kind);
        event_.time_ns += 1000;
        return event_;
    }
    fst_path_event event_{};
};

class PacketPathTest : public ::testing::Test {
  protected:
    std::vector<pathtrace::PacketPath> ended;
    pathtrace::PathAssembler assembler{
        [this](const pathtrace::PacketPath& packet_path) { ended.push_back(packet_path); }};
};

TEST_F(PacketPathTest, EndsWhereThePacketIsDropped) {
    Packet packet(0xabc, 10, kOriginal);
    assembler.record(packet.at(FST_PLACE_TC_INGRESS, 0));
    assembler.record(packet.at(FST_PLACE_PREROUTING, 1));
    EXPECT_TRUE(ended.empty());
    assembler.record(packet.dropped(7));
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_EQ(ended[0].end, pathtrace::PacketPath::End::dropped);
    EXPECT_EQ(ended[0].stations.size(), 2U);
    EXPECT_EQ(ended[0].drop->drop_reason, 7U);
}

TEST_F(PacketPathTest, PastInputAndNotDroppedIsDelivered) {
    for (const bool is_consumed : {true, false}) {
        Packet packet(1, 10, kOriginal);
        assembler.record(packet.at(FST_PLACE_PREROUTING, 0));
        assembler.record(packet.at(FST_PLACE_INPUT, 1));
        if (is_consumed) {
            assembler.record(packet.consumed());
        } else {
            assembler.advance(1s);
        }
        ASSERT_FALSE(ended.empty());
        EXPECT_EQ(ended.back().end, pathtrace::PacketPath::End::delivered);
    }
    EXPECT_EQ(ended.size(), 2U);
}

TEST_F(PacketPathTest, LostSightOfInTheMiddleIsUnknown) {
    Packet packet(1, 10, kOriginal);
    assembler.record(packet.at(FST_PLACE_PREROUTING, 0));
    assembler.advance(1s);
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_EQ(ended[0].end, pathtrace::PacketPath::End::unknown);
}

TEST_F(PacketPathTest, LeftOnceIdleAfterTheLastStation) {
    Packet packet(1, 1000, kOriginal);
    assembler.record(packet.at(FST_PLACE_FORWARD, 0));
    assembler.record(packet.at(FST_PLACE_TC_EGRESS, 1));
    assembler.advance(100ms);
    EXPECT_TRUE(ended.empty()) << "a queue may drop it yet";
    assembler.advance(1s);
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_EQ(ended[0].end, pathtrace::PacketPath::End::left);
}

TEST_F(PacketPathTest, DeliveredToASocketWhateverFollows) {
    Packet packet(1, 10, kOriginal);
    assembler.record(packet.at(FST_PLACE_INPUT, 0));
    assembler.record(packet.at_socket());
    assembler.finish();
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_EQ(ended[0].end, pathtrace::PacketPath::End::delivered);
}

TEST_F(PacketPathTest, WaitsForNeighbourResolution) {
    Packet waiting(1, 10, kOriginal);
    Packet other(2, 20, kOriginal);
    assembler.record(waiting.at(FST_PLACE_POSTROUTING, 0));
    assembler.record(other.at(FST_PLACE_PREROUTING, 0));
    assembler.advance(3s);
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_EQ(ended[0].stations[0].place, FST_PLACE_PREROUTING);
    assembler.record(waiting.dropped(7));
    ASSERT_EQ(ended.size(), 2U);
    EXPECT_EQ(ended[1].end, pathtrace::PacketPath::End::dropped);
    EXPECT_EQ(ended[1].stations.size(), 1U);
    Packet forgotten(3, 30, kOriginal);
    assembler.record(forgotten.at(FST_PLACE_POSTROUTING, 0));
    assembler.advance(10s);
    ASSERT_EQ(ended.size(), 3U);
    EXPECT_EQ(ended[2].end, pathtrace::PacketPath::End::unknown);
}

/// A bridge's port needs no link-layer address; but before the hook's last station a queue may hold it.
TEST_F(PacketPathTest, LeavesByABridgesPort) {
    constexpr std::uint32_t kLast = 7, kPort = 3;
    pathtrace::PathAssembler bridging{
        [this](const pathtrace::PacketPath& packet_path) { ended.push_back(packet_path); },
        [](std::uint32_t station) { return station == kLast; }};
    bridging.record(
        Packet(1, 10, kOriginal).to_bridge_port(kPort).at(FST_PLACE_POSTROUTING, kLast));
    bridging.record(Packet(2, 20, kOriginal).to_bridge_port(kPort).at(FST_PLACE_POSTROUTING, 6));
    bridging.record(Packet(3, 30, kOriginal).at(FST_PLACE_POSTROUTING, kLast));
    bridging.advance(1s);
    ASSERT_EQ(ended.size(), 2U) << "the third waits for a neighbour";
    EXPECT_EQ(ended[0].end, pathtrace::PacketPath::End::left);
    EXPECT_EQ(pathtrace::PathFlows().record(ended[0]).end.ifindex_out, kPort);
    EXPECT_EQ(ended[1].end, pathtrace::PacketPath::End::unknown);
}

TEST_F(PacketPathTest, FreedLongAfterDeliveryIsNoDrop) {
    Packet packet(1, 10, kOriginal);
    assembler.record(packet.at(FST_PLACE_INPUT, 0));
    assembler.advance(1s);
    ASSERT_EQ(ended.size(), 1U);
    assembler.record(packet.continued().later(2'000'000).dropped(3));
    assembler.finish();
    EXPECT_EQ(ended.size(), 1U);
}

/// With drops only, its stations are not recorded.
TEST_F(PacketPathTest, DroppedLongAfterRoutingIsADrop) {
    Packet packet(1, 10, kOriginal);
    packet.at(FST_PLACE_POSTROUTING, 0);
    fst_path_event drop = packet.continued().later(3'000'000).dropped(3);
    drop.place = FST_PLACE_POSTROUTING;
    assembler.record(drop);
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_EQ(ended[0].end, pathtrace::PacketPath::End::dropped);
}

TEST_F(PacketPathTest, ReusedBufferIsAnotherPacket) {
    Packet first(5, 10, kOriginal);
    Packet second(5, 900, kOriginal);
    assembler.record(first.at(FST_PLACE_PREROUTING, 0));
    assembler.record(second.at(FST_PLACE_PREROUTING, 0));
    assembler.record(second.dropped(1));
    assembler.finish();
    ASSERT_EQ(ended.size(), 2U);
    EXPECT_EQ(ended[0].end, pathtrace::PacketPath::End::dropped);
    EXPECT_EQ(ended[1].end, pathtrace::PacketPath::End::unknown);
}

class PathFlowsTest : public PacketPathTest {
  protected:
    void dropped(Packet packet, std::uint32_t station) {
        assembler.record(packet.at(FST_PLACE_PREROUTING, station));
        assembler.record(packet.dropped(3));
    }
    pathtrace::PathFlows::Filed recorded() { return flows.record(ended.back()); }
    pathtrace::PathFlows flows;
};

TEST_F(PathFlowsTest, NatNeitherSplitsNorMergesFlows) {
    const fst_path_tuple answer = pathtrace::reversed(kTranslated);
    dropped(Packet(1, 1, kOriginal), 0);  // before its conntrack entry exists
    EXPECT_EQ(recorded().flow.id, 1U);
    dropped(Packet(2, 2, kTranslated).entry(kOriginal, answer), 4);
    EXPECT_EQ(recorded().flow.id, 1U);
    EXPECT_EQ(recorded().direction, 0U);
    ASSERT_TRUE(recorded().flow.translated);
    EXPECT_EQ(recorded().flow.translated->destination_port, 8080);
    dropped(Packet(3, 3, answer).entry(kOriginal, answer, true), 2);
    EXPECT_EQ(recorded().flow.id, 1U);
    EXPECT_EQ(recorded().direction, 1U);
    dropped(Packet(4, 4, answer), 0);  // the reply, before it is translated back
    EXPECT_EQ(recorded().flow.id, 1U);
    EXPECT_EQ(recorded().direction, 1U);
    dropped(Packet(5, 5, tuple(1, 40001, 2, 80)), 0);
    EXPECT_EQ(recorded().flow.id, 2U);
}

/// As to a container: the host translates the destination, and the container has an entry of its own.
TEST_F(PathFlowsTest, EntriesOfAllNamespacesBelongToTheFlow) {
    constexpr std::uint32_t kHost = 1, kContainer = 2;
    const fst_path_tuple answer = pathtrace::reversed(kTranslated);
    const auto passes = [&](Packet first, Packet then) {
        assembler.record(first.at(FST_PLACE_POSTROUTING, 4));
        assembler.record(then.at(FST_PLACE_PREROUTING, 8));
        assembler.record(then.dropped(3));
        return recorded();
    };
    const auto request = passes(
        Packet(1, 1, kTranslated).in(kHost).entry(kOriginal, answer).translated(FST_PATH_DNAT),
        Packet(1, 1, kTranslated).in(kContainer).entry(kTranslated, answer));
    EXPECT_EQ(request.flow.name.destination_port, kOriginal.destination_port);
    ASSERT_TRUE(request.flow.translated);
    EXPECT_EQ(request.flow.translated->destination_port, kTranslated.destination_port);
    EXPECT_EQ(request.direction, 0U);
    EXPECT_EQ(request.end.netns, kContainer);
    EXPECT_EQ(request.flow.translated_in, kHost);
    const auto reply = passes(
        Packet(2, 2, answer).in(kContainer).entry(kTranslated, answer, true),
        Packet(2, 2, answer).in(kHost).entry(kOriginal, answer, true).translated(FST_PATH_DNAT));
    EXPECT_EQ(reply.flow.id, request.flow.id);
    EXPECT_EQ(reply.direction, 1U);
    EXPECT_EQ(reply.end.netns, kHost);
    EXPECT_EQ(reply.flow.name.destination_port, kOriginal.destination_port);
    dropped(Packet(3, 3, kTranslated).in(kContainer).entry(kTranslated, answer), 8);
    EXPECT_EQ(recorded().flow.id, request.flow.id) << "the host's part was not seen";
}

TEST_F(PathFlowsTest, RefusalReportedBeforeItsSynIsTheAnswer) {
    dropped(Packet(1, 1, pathtrace::reversed(kOriginal)).refuses(), 4);
    EXPECT_EQ(recorded().direction, 1U);
    dropped(Packet(2, 2, kOriginal), 0);
    EXPECT_EQ(recorded().flow.id, 1U);
    EXPECT_EQ(recorded().direction, 0U);
    EXPECT_EQ(recorded().flow.name.destination_port, kOriginal.destination_port);
}

TEST_F(PathFlowsTest, RejectsResetBelongsToTheConnectionAnIcmpErrorDoesNot) {
    const fst_path_tuple answer = pathtrace::reversed(kTranslated);
    dropped(Packet(1, 1, answer).refuses().entry(kOriginal, answer, true).related(), 4);
    EXPECT_EQ(recorded().direction, 1U);
    EXPECT_EQ(recorded().flow.name.destination_port, kOriginal.destination_port);
    EXPECT_TRUE(recorded().flow.translated);
    fst_path_tuple error = answer;
    error.protocol = 1;
    error.source_port = error.destination_port = 0;
    dropped(Packet(2, 2, error).entry(kOriginal, answer, true).related(), 4);
    EXPECT_EQ(recorded().flow.id, 2U);
    EXPECT_FALSE(recorded().flow.translated);
}

TEST_F(PathFlowsTest, EndsAreCountedByPlaceAndReason) {
    dropped(Packet(1, 1, kOriginal), 0);
    EXPECT_EQ(recorded().count, 1U);
    dropped(Packet(2, 2, kOriginal).segments(3), 0);
    EXPECT_EQ(recorded().count, 4U) << "a GSO packet counts as its segments";
    dropped(Packet(3, 3, kOriginal), 1);
    EXPECT_EQ(recorded().count, 1U) << "another place";
    EXPECT_EQ(flows.all().front().directions[0].packets, 5U);
}

TEST_F(PathFlowsTest, UntranslatedPacketsOfATranslatedFlowAreCountedApart) {
    const fst_path_tuple answer = pathtrace::reversed(kTranslated);
    const auto leaves = [&](Packet packet) {
        assembler.record(packet.at(FST_PLACE_TC_EGRESS, 5));
        assembler.finish();
        return recorded();
    };
    EXPECT_FALSE(leaves(Packet(1, 1, kOriginal)).end.is_untranslated)
        << "nothing is translated yet";
    EXPECT_FALSE(
        leaves(Packet(2, 2, kTranslated).entry(kOriginal, answer).translated(FST_PATH_DNAT))
            .end.is_untranslated);
    const pathtrace::PathFlows::Filed stray = leaves(Packet(3, 3, kOriginal));
    EXPECT_TRUE(stray.end.is_untranslated);
    EXPECT_EQ(stray.flow.id, 1U);
    EXPECT_EQ(stray.count, 1U);
    EXPECT_EQ(pathtrace::why_untranslated(ended.back()),
              "it has no conntrack entry: the connection's is gone, or the packet is INVALID");
    EXPECT_TRUE(leaves(Packet(4, 4, kOriginal).entry(kOriginal, pathtrace::reversed(kOriginal)))
                    .end.is_untranslated);
    EXPECT_EQ(pathtrace::why_untranslated(ended.back()),
              "its conntrack entry translates nothing: no NAT rule applied when it was created");
    dropped(Packet(5, 5, kOriginal), 0);
    EXPECT_FALSE(recorded().end.is_untranslated) << "it did not leave";
}

/// REJECT's RST leaves by the same interface as the packets in whose name it is.
TEST_F(PathFlowsTest, WhatIsMadeHereIsCountedApart) {
    Packet forwarded(1, 1, kOriginal);
    assembler.record(forwarded.at(FST_PLACE_TC_INGRESS, 1));
    assembler.record(forwarded.later(1).at(FST_PLACE_TC_EGRESS, 5));
    assembler.finish();
    EXPECT_FALSE(recorded().end.is_made_here);
    Packet made(2, 2, kOriginal);
    assembler.record(made.at(FST_PLACE_OUTPUT, 3));
    assembler.record(made.later(1).at(FST_PLACE_TC_EGRESS, 5));
    assembler.finish();
    const pathtrace::PathFlows::Filed own = recorded();
    EXPECT_TRUE(own.end.is_made_here);
    EXPECT_EQ(own.flow.id, 1U);
    EXPECT_EQ(own.count, 1U);
    // Its beginning may not have been seen, or it is another network namespace's.
    assembler.record(Packet(3, 3, kOriginal).at(FST_PLACE_TC_EGRESS, 5));
    assembler.finish();
    EXPECT_FALSE(recorded().end.is_made_here);
    dropped(Packet(4, 4, kOriginal), 0);
    EXPECT_FALSE(recorded().end.is_made_here) << "it did not leave";
}

TEST_F(PathFlowsTest, EvictsTheFlowIdleLongest) {
    for (std::uint32_t i = 0; i < pathtrace::PathFlows::kMost + 3; i++) {
        fst_path_tuple name = kOriginal;
        name.source[2] = i;
        dropped(Packet(i, i, name), 0);
        flows.record(ended.back());
    }
    EXPECT_EQ(flows.all().size(), pathtrace::PathFlows::kMost);
    EXPECT_EQ(flows.forgotten(), 3U);
}

}  // namespace
}  // namespace flowstamp
