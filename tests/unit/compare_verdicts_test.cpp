// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// What two captures prove of resets and data that one of them lacks; above all, what they do not.
#include "user/analysis/compare/judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/support/recorded_path.h"

namespace flowstamp::testing {
namespace {

using analysis::Finding;
using analysis::FindingKind;
using analysis::PathDirection;
using analysis::compare::Compared;
using analysis::compare::Unjudged;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

std::vector<Finding> of_kind(const Compared& compared, FindingKind kind) {
    std::vector<Finding> found;
    std::ranges::copy_if(compared.findings, std::back_inserter(found),
                         [&](const Finding& its) { return its.kind == kind; });
    return found;
}

std::vector<Finding> forged(const Compared& compared) {
    return of_kind(compared, FindingKind::forged_rst);
}

using Reasons = std::map<Unjudged, std::uint64_t>;

TEST(CompareVerdicts, NothingIsSaidOfWhatBothHave) {
    RecordedPath path;
    path.open();
    path.upload(5);
    path.download(5);
    path.from_server({.seq = path.server_next, .flags = Rst});
    path.talk_beside();
    const Compared compared = path.compared();
    EXPECT_THAT(compared.findings, IsEmpty());
    EXPECT_THAT(compared.comparison.unjudged, IsEmpty());
    EXPECT_EQ(compared.comparison.joined, 2U);
    EXPECT_EQ(compared.comparison.ways[0].hops, 3);
}

TEST(CompareVerdicts, AResetIsProvenIfItsSenderWentOn) {
    RecordedPath path;
    path.open();
    path.download(5);
    path.forge_to_client();
    const auto frame = path.a().size();
    path.download(3);
    path.talk_beside();
    const auto found = forged(path.compared());
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].verdict, FST_VERDICT_PROVEN);
    EXPECT_EQ(found[0].direction, PathDirection::b_to_a);
    EXPECT_EQ(found[0].sighting.frame, frame);
    EXPECT_EQ(found[0].sighting.interface, "a.pcap");
    EXPECT_EQ(found[0].summary.at(1).phrase, analysis::Phrase::sender_went_on);
    EXPECT_EQ(found[0].summary.at(2).phrase, analysis::Phrase::made_hops_away);
}

TEST(CompareVerdicts, AResetIsProvenBesideACaptureThatLacksNothing) {
    RecordedPath path;
    path.open();
    path.upload(5);
    path.forge_to_server();
    path.now += 1s;
    path.talk_beside();
    const auto found = forged(path.compared());
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].direction, PathDirection::a_to_b);
    EXPECT_EQ(found[0].summary.size(), 2U);  // and nobody went on
}

TEST(CompareVerdicts, SeveralResetsAreOneFinding) {
    RecordedPath path;
    path.open();
    path.download(5);
    for (const std::uint32_t ahead : {0U, 1460U, 2920U}) {
        path.forge_to_client(path.server_next + ahead);
    }
    path.download(3);
    path.talk_beside();
    const auto found = forged(path.compared());
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].resets, 3U);
    EXPECT_EQ(found[0].count, 3U);
}

TEST(CompareVerdicts, ACopyOfALaterGenuineResetIsProvenByItsTime) {
    RecordedPath path;
    path.open();
    path.download(5);
    path.forge_to_client();
    path.now += 2s;
    path.from_server({.seq = path.server_next, .flags = Rst});
    path.talk_beside();
    EXPECT_THAT(forged(path.compared()), SizeIs(1));
}

/// Received twice with one number, sent once, and that one arrived as well: its IP-ID tells.
TEST(CompareVerdicts, OneOfTwoResetsWithOneNumberWasNeverSent) {
    RecordedPath path;
    path.open();
    path.download(5);
    path.from_server({.seq = path.server_next, .flags = Rst}, 0, {.delay = 20ms});
    const auto forged_at = path.now + 5ms;
    path.forge_to_client();
    path.talk_beside();
    const auto found = forged(path.compared());
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].resets, 1U);
    EXPECT_EQ(found[0].sighting.wall, forged_at);
}

/// A box may make a reset anew, or the network bring one twice.
TEST(CompareVerdicts, AResetThatIsMadeAnewOrComesTwiceWasSent) {
    struct Ids {
        std::uint16_t sent, received, then;
    };
    for (const Ids ids : {Ids{7, 7, 7}, Ids{7, 8, 8}, Ids{7, 8, 9}}) {
        RecordedPath path;
        path.open();
        path.download(5);
        const Tcp reset{.seq = path.server_next, .flags = Rst};
        path.from_server(reset, 0, {.id = ids.sent, .received_id = ids.received});
        path.from_server(reset, 0, {.at_sender = false, .id = ids.then});
        path.talk_beside();
        EXPECT_THAT(forged(path.compared()), IsEmpty()) << ids.then;
    }
}

TEST(CompareVerdicts, WithTooFewPacketsACaptureIsNotKnownToBeComplete) {
    RecordedPath path;
    path.open();
    path.upload(5);
    path.forge_to_server();
    path.now += 1s;
    path.reopen(40001, 77);
    const Compared compared = path.compared();
    EXPECT_THAT(compared.findings, IsEmpty());
    EXPECT_THAT(compared.comparison.unjudged, ElementsAre(Pair(Unjudged::too_few_packets, 1)));
}

/// What the receiver sends after the reset has reached the sender's capture: that ran, whatever the
/// clocks say.
TEST(CompareVerdicts, TheReceiversNextPacketTellsThatTheSendersCaptureRan) {
    for (const bool answers : {true, false}) {
        RecordedPath path;
        path.talk_beside();
        path.open();
        path.download(5);
        path.from_server({.seq = path.server_next, .ack = path.client_next}, 100);
        path.forge_to_client();
        path.now += 5ms;
        if (answers) {
            path.from_client({.seq = path.client_next, .flags = Rst});
        }
        const Compared compared = path.compared();
        EXPECT_THAT(forged(compared), SizeIs(answers ? 1 : 0));
        EXPECT_EQ(compared.comparison.unjudged.contains(Unjudged::not_running), !answers);
    }
}

TEST(CompareVerdicts, ACaptureThatHasEndedSaysNothing) {
    RecordedPath path;
    path.talk_beside();
    path.open();
    path.upload(5);
    path.forge_to_server();
    const Compared compared = path.compared();
    EXPECT_THAT(compared.findings, IsEmpty());
    EXPECT_THAT(compared.comparison.unjudged, ElementsAre(Pair(Unjudged::not_running, 1)));
}

TEST(CompareVerdicts, ACaptureThatBeganLaterSaysNothing) {
    RecordedPath path;
    path.open();
    path.upload(5);
    path.forge_to_server();
    path.now += 1s;
    const auto begin = path.now;
    path.upload(5);
    path.talk_beside();
    path.a() = since(path.a(), begin);
    const Compared compared = path.compared();
    EXPECT_THAT(compared.findings, IsEmpty());
    EXPECT_THAT(compared.comparison.unjudged, ElementsAre(Pair(Unjudged::not_running, 1)));
}

TEST(CompareVerdicts, ACaptureWithGapsSaysNothing) {
    RecordedPath path;
    path.open();
    path.upload(40, 100);
    path.upload(3, 100, {.at_sender = false});
    path.upload(10, 100);
    path.forge_to_server();  // its sender goes on, but the capture is known to lose packets
    path.upload(10, 100);
    path.talk_beside();
    const Compared compared = path.compared();
    EXPECT_THAT(compared.findings, IsEmpty());
    EXPECT_THAT(compared.comparison.unjudged, ElementsAre(Pair(Unjudged::capture_incomplete, 1)));
    EXPECT_EQ(compared.comparison.captures[0].coverage.as_sender.lacks, 3U);
}

/// One packet of many lost does not weaken that the sender went on, but that it sent no reset.
TEST(CompareVerdicts, ACaptureThatLacksOnePacketOfManyProvesOnlyWhoWentOn) {
    for (const bool goes_on : {true, false}) {
        RecordedPath path;
        path.open();
        path.upload(5);
        path.upload(1, 100, {.at_sender = false});
        path.upload(150);
        path.forge_to_server();
        path.now += 1s;
        if (goes_on) {
            path.upload(1);
        }
        path.talk_beside();
        const Compared compared = path.compared();
        EXPECT_THAT(forged(compared), SizeIs(goes_on ? 1 : 0));
        EXPECT_EQ(compared.comparison.unjudged.empty(), goes_on);
    }
}

TEST(CompareVerdicts, ACaptureOfOneDirectionSaysNothingOfTheOther) {
    RecordedPath path;
    path.open();
    path.upload(5);
    path.forge_to_server();
    path.now += 1s;
    path.talk_beside();
    // A has only what came to it.
    std::erase_if(path.a(), [](const RecordedFrame& frame) { return frame.bytes[30] == 198; });
    const Compared compared = path.compared();
    EXPECT_THAT(compared.findings, IsEmpty());
}

TEST(CompareVerdicts, AnotherResetAtThatTimeMayBeTheSame) {
    RecordedPath path;
    path.open();
    path.upload(5);
    path.from_client({.seq = path.client_next, .flags = Rst}, 0,
                     {.changed = Tcp{.seq = path.client_next + 1, .flags = Rst}});
    path.now += 1s;
    path.talk_beside();
    const Compared compared = path.compared();
    EXPECT_THAT(compared.findings, IsEmpty());  // nor is it lost
    EXPECT_EQ(compared.comparison.unjudged.at(Unjudged::ambiguous), 1U);
}

/// The reset of a former connection comes when the ports are used again: at one end it counts to the
/// one, at the other end to the other.
TEST(CompareVerdicts, AResetOfAFormerConnectionOnThesePortsIsNobodysForgery) {
    RecordedPath path;
    path.open();
    path.upload(5);
    const std::uint32_t former = path.client_next;
    path.from_client({.seq = former, .flags = Rst}, 0, {.delay = 40ms});
    path.reopen(40000, 700'000);
    path.upload(5);
    path.talk_beside();
    EXPECT_THAT(forged(path.compared()), IsEmpty());
}

/// An ACK leaves its NAT untranslated; the server does not know it, and resets it under that name.
TEST(CompareVerdicts, AnAnswerToAPacketThatEscapedItsNatIsNoForgery) {
    RecordedPath path;
    path.client_at_b = "203.0.113.9";
    path.client_port_at_b = 61000;
    path.open();
    path.download(5);
    path.client_at_b = path.client;  // the next packets are not translated
    path.client_port_at_b = path.client_port;
    path.from_client({.seq = path.client_next, .ack = path.server_next + 300});
    path.now += 10ms;
    path.from_server({.seq = path.server_next + 300, .flags = Rst});
    path.client_at_b = "203.0.113.9";
    path.client_port_at_b = 61000;
    path.now += 100ms;
    path.from_server({.seq = path.server_next, .ack = path.client_next});
    path.talk_beside();
    EXPECT_THAT(forged(path.compared()), IsEmpty());
}

TEST(CompareVerdicts, DuplicatesAndRetransmissionsAreNoForgery) {
    RecordedPath path;
    path.open();
    path.upload(5);
    path.from_client({.seq = path.client_next, .ack = path.server_next}, 100,
                     {.at_receiver = false});
    path.now += 200ms;
    path.from_client({.seq = path.client_next, .ack = path.server_next}, 100);
    path.from_client({.seq = path.client_next, .ack = path.server_next}, 100, {.at_sender = false});
    path.client_next += 100;
    path.from_server({.seq = path.server_next, .ack = path.client_next});
    path.from_client({.seq = path.client_next, .flags = Rst});
    path.from_client({.seq = path.client_next, .flags = Rst}, 0, {.at_sender = false});
    path.talk_beside();
    const Compared compared = path.compared();
    EXPECT_THAT(compared.findings, IsEmpty());
    EXPECT_THAT(compared.comparison.unjudged, IsEmpty());
}

/// A's network card cuts large packets after the capture, or B's merges them before it.
TEST(CompareVerdicts, SegmentationOnEitherSideIsNoLossAndNoInjection) {
    for (const bool at_sender : {true, false}) {
        RecordedPath path;
        path.open();
        path.upload(3);
        for (int i = 0; i < 20; i++) {
            const std::uint32_t seq = path.client_next;
            const PacketFate whole{.at_sender = at_sender, .at_receiver = !at_sender};
            const PacketFate parts{.at_sender = !at_sender, .at_receiver = at_sender};
            path.from_client({.seq = seq, .ack = path.server_next}, 4344, whole);
            for (const std::uint32_t part : {0U, 1448U, 2896U}) {
                path.from_client({.seq = seq + part, .ack = path.server_next}, 1448, parts);
            }
            path.client_next += 4344;
            path.now += 6ms;
            path.from_server({.seq = path.server_next, .ack = path.client_next});
        }
        path.talk_beside();
        const Compared compared = path.compared();
        EXPECT_EQ(compared.comparison.injected, 0U) << at_sender;
        EXPECT_EQ(compared.comparison.eaten, 0U) << at_sender;
        EXPECT_EQ(compared.comparison.captures[0].coverage.as_sender.lacks, 0U);
    }
}

TEST(CompareVerdicts, NumbersThatWrapAreOneStream) {
    RecordedPath path;
    path.client_next = 0xffffff00;
    path.server_next = 0xfffffff0;
    path.open();
    path.upload(10);
    path.download(10);
    path.forge_to_client();
    path.download(10);
    path.talk_beside();
    const Compared compared = path.compared();
    EXPECT_THAT(compared.findings, SizeIs(1));
    EXPECT_THAT(forged(compared), SizeIs(1));
}

TEST(CompareVerdicts, DataBehindWhichTheSenderGoesOnIsInjected) {
    RecordedPath path;
    path.open();
    path.download(5);
    path.from_server({.seq = path.server_next, .ack = path.client_next}, 64,
                     {.at_sender = false, .routers = 1});
    path.now += 100ms;
    path.from_server({.seq = path.server_next, .ack = path.client_next});
    path.talk_beside();
    const auto found = of_kind(path.compared(), FindingKind::injected_segment);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].summary.front().phrase, analysis::Phrase::data_never_sent);
}

TEST(CompareVerdicts, DataThatTheSenderSendsLaterIsInjected) {
    RecordedPath path;
    path.open();
    path.download(5);
    path.from_server({.seq = path.server_next, .ack = path.client_next}, 100, {.at_sender = false});
    path.now += 2s;
    path.download(1);
    path.talk_beside();
    const auto found = of_kind(path.compared(), FindingKind::injected_segment);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].summary.front().phrase, analysis::Phrase::data_sent_later);
}

/// A packet of 1400 bytes is not captured whole: its checksum tells nothing.
TEST(CompareVerdicts, OtherBytesAreInjectedUnlessTheyMayBeDamage) {
    for (const bool is_damage : {true, false}) {
        RecordedPath path;
        path.open();
        path.download(5);
        path.from_server({.seq = path.server_next, .ack = path.client_next}, 1400,
                         {.at_receiver = is_damage, .routers = 3});
        RecordedFrame& received = path.a().back();
        if (is_damage) {
            received.bytes[14 + 40 + 3] ^= 0x20;
        }
        path.now += 300ms;
        path.download(1, 1400);
        if (!is_damage) {
            path.from_server({.seq = path.server_next - 1400, .ack = path.client_next}, 1400,
                             {.at_sender = false, .routers = 1});
            path.a().back().bytes[14 + 40 + 3] ^= 0x20;
        }
        path.talk_beside();
        EXPECT_THAT(of_kind(path.compared(), FindingKind::injected_segment),
                    SizeIs(is_damage ? 0 : 1));
    }
}

/// The sender's end is the last that is known of it: whether the data was its own is open.
TEST(CompareVerdicts, DataBehindAllThatTheSendersCaptureHasIsNotJudged) {
    RecordedPath path;
    path.open();
    path.download(5);
    path.from_server({.seq = path.server_next, .ack = path.client_next}, 64, {.at_sender = false});
    path.now += 1s;
    path.talk_beside();
    const Compared compared = path.compared();
    EXPECT_THAT(compared.findings, IsEmpty());
}

}  // namespace
}  // namespace flowstamp::testing
