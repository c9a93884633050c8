// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/mtu_black_hole.h"

#include <gtest/gtest.h>

#include "tests/support/packet.h"
#include "tests/unit/analysis_bench.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kFull = 1448;  ///< with timestamps, for an MTU of 1500

struct MtuBlackHoleTest : ::testing::Test {
    MtuBlackHoleTest() { talk.open().exchange(3); }
    /// Two segments of ours and a last one.
    void upload(std::size_t payload, std::size_t last) {
        first = talk.next(End::us, Ack, payload);
        talk.send(first);
        talk.send(End::us, Ack, payload);
        talk.send(End::us, Psh | Ack, last);
    }
    /// The peer lacks the first segment and has the last `bytes`.
    void sack(std::uint32_t bytes) {
        talk.pass_us(20'000);
        Segment gap = talk.next(End::peer);
        gap.ack = first.seq;
        gap.sack = std::pair(talk.edge(End::us) - bytes, talk.edge(End::us));
        talk.send(gap);
    }
    /// The first segment again, by timer.
    void send_again(int times) {
        for (int i = 0; i < times; i++) {
            bench.pass(timer);
            timer *= 2;
            first.id = talk.next(End::us).id;
            talk.send(first);
        }
    }
    void acknowledge(std::uint32_t ack) {
        talk.pass_us(20'000);
        Segment progress = talk.next(End::peer);
        progress.ack = ack;
        talk.send(progress);
    }
    /// A router's error about our segment.
    void too_big(std::uint16_t mtu) {
        const Tcp ours{.src_port = talk.port(End::us),
                       .dst_port = talk.port(End::peer),
                       .seq = talk.edge(End::us) - 1};
        const Quoted quoted(Ethernet{} / Ipv4{} / ours, 28);
        const Bytes error =
            (Ethernet{} / Ipv4{.src = "203.0.113.9", .dst = "192.0.2.1", .ttl = 61} /
             Icmp{.type = 3, .code = 4, .rest = mtu} / quoted)
                .bytes();
        bench.rig().run(FST_HOOK_XDP, {.bytes = error});
    }
    std::string latest_summary() { return output::summary_text(bench.findings().back()); }

    AnalysisBench bench;
    Conversation talk{bench.rig(), FST_HOOK_XDP};
    Segment first;
    Nanoseconds timer = 200ms;
};

TEST_F(MtuBlackHoleTest, OnlyTheShortSegmentArrives) {
    upload(kFull, 300);
    sack(300);
    send_again(2);
    EXPECT_EQ(bench.findings_text(), "");
    send_again(1);
    ASSERT_EQ(bench.findings_text(), "mtu-black-hole suspected");
    EXPECT_NE(latest_summary().find("Segments of 1448 bytes from 192.0.2.1 to 198.51.100.7:443 are "
                                    "lost again and again (sent again 3 times), smaller ones"),
              std::string::npos)
        << latest_summary();
    EXPECT_NE(output::advice_text(bench.findings()[0]).find("clamp the MSS"), std::string::npos)
        << output::advice_text(bench.findings()[0]);
    send_again(3);
    EXPECT_EQ(bench.findings_text(), "mtu-black-hole suspected");
}

TEST_F(MtuBlackHoleTest, WithTheRoutersErrorItIsConfirmed) {
    upload(kFull, 300);
    too_big(1400);
    sack(300);
    send_again(1);
    EXPECT_EQ(bench.findings_text(), "");
    send_again(3);
    ASSERT_EQ(bench.findings_text(), "mtu-black-hole confirmed");
    EXPECT_NE(latest_summary().find("203.0.113.9 says so, and 192.0.2.1 goes on sending them"),
              std::string::npos)
        << latest_summary();
}

/// No short segment follows: only the router's error tells why it is lost.
TEST_F(MtuBlackHoleTest, WithTheRoutersErrorAloneItIsSuspectedAndNoStall) {
    first = talk.next(End::us, Psh | Ack, kFull);
    talk.send(first);
    too_big(1400);
    send_again(4);
    EXPECT_EQ(bench.findings_text(), "mtu-black-hole suspected");
}

/// The sender tries smaller segments at last (RFC 4821).
TEST_F(MtuBlackHoleTest, AnAcknowledgementIsARecovery) {
    upload(kFull, 300);
    sack(300);
    send_again(3);
    first.payload = 1000;
    send_again(1);
    acknowledge(first.seq + 1000);
    EXPECT_EQ(bench.findings_text(), "mtu-black-hole suspected, mtu-black-hole recovered");
    EXPECT_EQ(bench.findings()[0].id, bench.findings()[1].id);
    EXPECT_NE(latest_summary().find("then sent smaller ones, and they arrived"), std::string::npos)
        << latest_summary();
}

TEST_F(MtuBlackHoleTest, LargeSegmentsMayArriveAfterAll) {
    upload(kFull, 300);
    sack(300);
    send_again(3);
    acknowledge(first.seq + kFull);
    EXPECT_EQ(bench.findings_text(), "mtu-black-hole suspected, mtu-black-hole recovered");
    EXPECT_NE(latest_summary().find("now what was lost has arrived"), std::string::npos)
        << latest_summary();
}

/// Windows takes two losses for a black hole, and sends segments of 536 bytes.
TEST_F(MtuBlackHoleTest, ASenderThatGoesOverToSmallerSegmentsHasSeenIt) {
    upload(kFull, 563);
    sack(563);
    timer = 3s;
    send_again(2);
    EXPECT_EQ(bench.findings_text(), "");
    first.payload = 536;
    send_again(1);
    EXPECT_EQ(bench.findings_text(), "mtu-black-hole suspected");
    EXPECT_NE(latest_summary().find("Segments of 1448 bytes"), std::string::npos)
        << latest_summary();
    EXPECT_NE(latest_summary().find("sent again 2 times"), std::string::npos) << latest_summary();
    acknowledge(first.seq + 536);
    EXPECT_EQ(bench.findings_text(), "mtu-black-hole suspected, mtu-black-hole recovered");
}

TEST_F(MtuBlackHoleTest, TheConnectionMayEndSo) {
    upload(kFull, 300);
    sack(300);
    send_again(3);
    talk.send(End::us, Rst | Ack);
    EXPECT_EQ(bench.findings_text(), "mtu-black-hole suspected, mtu-black-hole ended");
}

TEST_F(MtuBlackHoleTest, LaterFullSegmentsThatArriveShowThatItIsLoss) {
    upload(kFull, kFull);
    sack(kFull);
    send_again(2);
    sack(2 * kFull);
    send_again(4);
    EXPECT_EQ(bench.findings_text(), "");
}

/// The short one arrived first, a full one after it.
TEST_F(MtuBlackHoleTest, AFullSegmentMayArriveLate) {
    upload(kFull, 300);
    sack(300);
    send_again(1);
    sack(300 + kFull);
    send_again(4);
    EXPECT_EQ(bench.findings_text(), "");
}

/// They pass any link: where nothing passes any more, it is a stall.
TEST_F(MtuBlackHoleTest, LossOfSmallSegmentsIsNotOne) {
    upload(400, 100);
    sack(100);
    send_again(5);
    EXPECT_EQ(bench.findings_text(), "stalled confirmed");
}

/// Path MTU discovery (RFC 1191) as it is meant to be.
TEST_F(MtuBlackHoleTest, ASenderThatHeedsTheErrorIsNotReported) {
    first = talk.next(End::us, Psh | Ack, kFull);
    talk.send(first);
    too_big(1400);
    talk.pass_us(1000);
    first.payload = 1348;
    first.id++;
    talk.send(first);
    acknowledge(first.seq + 1348);
    EXPECT_EQ(bench.findings_text(), "");
}

/// Later losses of segments that the next link does carry have nothing to do with its MTU.
TEST_F(MtuBlackHoleTest, LossOfSegmentsThatFitTheMtuIsNotReported) {
    too_big(1400);
    first = talk.next(End::us, Psh | Ack, 1348);
    talk.send(first);
    send_again(2);
    acknowledge(first.seq + 1348);
    EXPECT_EQ(bench.findings_text(), "");
}

TEST(MtuBlackHole, JoinedMidwayIsSuspectedAtMost) {
    AnalysisBench bench;
    Conversation talk(bench.rig(), FST_HOOK_XDP);
    talk.exchange(3);
    Segment full = talk.next(End::us, Ack, kFull);
    talk.send(full);
    talk.send(End::us, Psh | Ack, 300);
    const Tcp ours{.src_port = talk.port(End::us), .dst_port = talk.port(End::peer)};
    const Bytes error =
        (Ethernet{} / Ipv4{.src = "203.0.113.9", .dst = "192.0.2.1"} /
         Icmp{.type = 3, .code = 4, .rest = 1400} / Quoted(Ethernet{} / Ipv4{} / ours, 28))
            .bytes();
    bench.rig().run(FST_HOOK_XDP, {.bytes = error});
    talk.pass_us(20'000);
    Segment gap = talk.next(End::peer);
    gap.ack = full.seq;
    gap.sack = std::pair(full.seq + kFull, full.seq + kFull + 300);
    talk.send(gap);
    for (const auto wait : {200ms, 400ms, 800ms}) {
        bench.pass(wait);
        full.id = talk.next(End::us).id;
        talk.send(full);
    }
    EXPECT_EQ(bench.findings_text(), "mtu-black-hole suspected");
}

}  // namespace
}  // namespace flowstamp::testing
