// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/replay/replay_run.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/datapath/capture_rig.h"
#include "tests/datapath/conversation.h"
#include "tests/support/json_schema.h"
#include "tests/support/replayed.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Replayed replay_file(const Bytes& file, std::optional<net::Filter> filter = std::nullopt) {
    const auto path = cmd::make_host_path(1024);
    return replay(std::make_unique<net::MemorySource>(file), **path, std::move(filter));
}

TEST(ReplayRun, FindsAForgedResetAndItsFrame) {
    CaptureRig rig;
    Conversation talk(rig, FST_HOOK_XDP);
    talk.open().exchange(4);
    talk.send(forged_from_nearer(talk));
    const std::uint64_t frame = rig.frames();
    talk.pass_ms(30);
    talk.exchange(200);
    const Replayed replayed = replay_file(rig.file());
    EXPECT_TRUE(replayed.read);
    const auto resets = replayed.of("reset");
    ASSERT_FALSE(resets.empty());
    EXPECT_EQ(resets[0]["pcap_cnt"], frame);
    EXPECT_EQ(resets[0]["reset"]["verdict"], "confirmed");
    const auto findings = replayed.of("finding");
    ASSERT_FALSE(findings.empty());
    EXPECT_EQ(findings.back()["pcap_cnt"], frame);
    EXPECT_EQ(findings.back()["finding"]["kind"], "forged-rst");
    EXPECT_EQ(findings.back()["finding"]["resolution"], "went-on");
    EXPECT_EQ(findings.back()["in_iface"], "test.pcap");
    EXPECT_EQ(replayed.of("flow").size(), 1U);
    EXPECT_EQ(replayed.stats.counters[FST_COUNT_TCP], rig.frames());
    EXPECT_EQ(replayed.stats.findings_confirmed, 1U);
}

/// A frame whose bytes differ from those of the segment `own`, before it.
Replayed replay_other_bytes(std::uint16_t ids_apart) {
    CaptureRig rig;
    Conversation talk(rig, FST_HOOK_XDP);
    talk.open().exchange(4);
    Segment other = talk.next(End::peer, TcpFlags(Psh | Ack), 120);
    Segment own = other;
    own.payload = 900;
    own.id = static_cast<std::uint16_t>(other.id + ids_apart);
    other.zeros = true;
    talk.send(other);
    talk.pass_ms(3);
    talk.send(own);
    talk.exchange(4);
    return replay_file(rig.file());
}

/// A segment that its receiver would discard says nothing, however much it looks like a forgery.
TEST(ReplayRun, AResetWithAWrongChecksumIsNotJudged) {
    for (const bool damaged : {false, true}) {
        CaptureRig rig;
        Conversation talk(rig, FST_HOOK_XDP);
        talk.open().exchange(4);
        for (int i = 0; i < 4; i++) {
            talk.pass_ms(60);
            talk.send(End::peer);
        }
        Segment reset = forged_from_nearer(talk);
        if (damaged) {
            reset.checksum = Checksum(Checksum::Wrong);
        }
        talk.send(reset);
        talk.pass_ms(30);
        talk.exchange(5);
        const Replayed replayed = replay_file(rig.file());
        EXPECT_EQ(replayed.of("reset").empty(), damaged);
        EXPECT_EQ(replayed.of("finding").empty(), damaged);
        EXPECT_EQ(replayed.stats.counters[FST_COUNT_MALFORMED], damaged ? 1U : 0U);
    }
}

/// Where all of a sender's checksums are wrong the capture was edited, or filled in by the card.
TEST(ReplayRun, WrongChecksumsAsARuleMeanNothing) {
    CaptureRig rig;
    Conversation talk(rig, FST_HOOK_XDP);
    talk.open();
    for (int i = 0; i < 10; i++) {
        Segment data = talk.next(End::peer, TcpFlags(Psh | Ack), 100);
        data.checksum = Checksum(Checksum::Wrong);
        talk.send(data);
    }
    EXPECT_EQ(replay_file(rig.file()).stats.counters[FST_COUNT_TCP], rig.frames());
}

/// With the peer's distance, ID class and timestamps: only the payload differs, and one of the two
/// has an IP-ID that the peer's counter does not give.
TEST(ReplayRun, OtherBytesForTheSameSequenceNumbers) {
    const auto findings = replay_other_bytes(5000).of("finding");
    ASSERT_THAT(findings, SizeIs(1));
    EXPECT_EQ(findings[0]["finding"]["kind"], "injected-segment");
    EXPECT_EQ(findings[0]["finding"]["verdict"], "suspected");
    EXPECT_THAT(findings[0]["finding"]["summary"].get<std::string>(),
                HasSubstr("hold different bytes"));
}

/// IP-IDs that run on, from one distance: the sender itself has sent other bytes.
TEST(ReplayRun, OtherBytesOfOneStackAreNotReported) {
    EXPECT_THAT(replay_other_bytes(1).of("finding"), IsEmpty());
}

TEST(ReplayRun, OtherBytesThatCopyAnIdAreConfirmed) {
    CaptureRig rig;
    Conversation talk(rig, FST_HOOK_XDP);
    talk.open().exchange(4);
    Segment injected = talk.next(End::peer, TcpFlags(Psh | Ack), 120);
    const Segment own = injected;
    injected.zeros = true;
    injected.id = talk.ids(End::us).back();
    talk.send(injected);
    talk.pass_ms(3);
    talk.send(own);
    const auto findings = replay_file(rig.file()).of("finding");
    ASSERT_THAT(findings, SizeIs(1));
    EXPECT_EQ(findings[0]["finding"]["verdict"], "confirmed");
}

TEST(ReplayRun, TheSameBytesAgainAreARetransmission) {
    CaptureRig rig;
    Conversation talk(rig, FST_HOOK_XDP);
    talk.open().exchange(4);
    for (int times = 0; times < 4; times++) {
        Segment data = talk.next(End::peer, TcpFlags(Psh | Ack), 300);
        talk.send(data);
        talk.pass_ms(250);
        data.id++;
        talk.send(data);
        talk.send(End::us, Ack);
    }
    EXPECT_THAT(replay_file(rig.file()).of("finding"), IsEmpty());
}

TEST(ReplayRun, ReportsTheCapturesTime) {
    CaptureRig rig;
    Conversation talk(rig, FST_HOOK_XDP);
    talk.open();
    const auto events = replay_file(rig.file()).of("flow");
    ASSERT_THAT(events, SizeIs(1));
    // The rig's clock begins 1000 s after 1970.
    EXPECT_THAT(events[0]["flow"]["start"].get<std::string>(), HasSubstr("1970-01-01T00:16:40"));
}

TEST(ReplayRun, ItsEventsMatchTheSchema) {
    CaptureRig rig;
    Conversation talk(rig, FST_HOOK_XDP);
    talk.open().exchange(4);
    talk.send(forged_from_nearer(talk));
    const JsonSchema schema = JsonSchema::read(FLOWSTAMP_SOURCE_DIR "/docs/events.schema.json");
    for (output::Json event : replay_file(rig.file()).events) {
        event["pcap_filename"] = "test.pcap";
        EXPECT_THAT(schema.violations(nlohmann::json::parse(event.dump())), IsEmpty());
    }
}

/// Idle time is skipped in one step, and idle flows end.
TEST(ReplayRun, SkipsIdleTime) {
    CaptureRig rig;
    Conversation first(rig, FST_HOOK_XDP);
    first.open().exchange(2);
    rig.advance_ms(std::uint64_t{20} * 365 * 86400 * 1000);
    Conversation second(rig, FST_HOOK_XDP);
    second.open().exchange(1500);
    const auto flows = replay_file(rig.file()).of("flow");
    ASSERT_THAT(flows, SizeIs(2));
    EXPECT_EQ(flows[0]["flow"]["reason"], "idle");
    EXPECT_EQ(flows[1]["flow"]["reason"], "open");
}

TEST(ReplayRun, AcceptsTimesThatRunBackwardsOrFarAhead) {
    const Bytes syn = (Ethernet{} / Ipv4{} / Tcp{.flags = Syn}).bytes();
    const Bytes reset = (Ethernet{} / Ipv4{} / Tcp{.seq = 1, .flags = Rst}).bytes();
    const Bytes file = PcapFile({.nanoseconds = true})
                           .frame(2000s, syn)
                           .frame(0s, reset)
                           .frame(4'294'967'295s, reset)
                           .frame(1s, reset)
                           .bytes();
    const Replayed replayed = replay_file(file);
    EXPECT_TRUE(replayed.read);
    const auto resets = replayed.of("reset");
    ASSERT_THAT(resets, SizeIs(3));
    EXPECT_THAT(resets[0]["timestamp"].get<std::string>(), HasSubstr("1970-01-01T00:00:00"));
    EXPECT_THAT(resets[2]["timestamp"].get<std::string>(), HasSubstr("1970-01-01T00:00:01"));
    EXPECT_EQ(replayed.stats.counters[FST_COUNT_TCP], 4U);
}

TEST(ReplayRun, EachInterfaceHasFlowsOfItsOwn) {
    const Packet syn = Ipv4{} / Tcp{.flags = Syn};
    const Bytes file = PcapngFile()
                           .section()
                           .interface({.link_type = 1, .name = "eth0"})
                           .interface({.link_type = 101, .name = "tun0"})
                           .enhanced(0, 1'000'000, (Ethernet{} / syn).bytes())
                           .enhanced(1, 1'000'010, syn.bytes())
                           .bytes();
    const auto flows = replay_file(file).of("flow");
    ASSERT_THAT(flows, SizeIs(2));
    EXPECT_NE(flows[0]["in_iface"], flows[1]["in_iface"]);
    EXPECT_NE(flows[0]["flow_id"], flows[1]["flow_id"]);
    EXPECT_EQ(flows[0]["community_id"], flows[1]["community_id"]);
}

TEST(ReplayRun, SkipsFramesOfUnknownLinksAndReportsIt) {
    const Bytes syn = (Ethernet{} / Ipv4{} / Tcp{.flags = Syn}).bytes();
    const Replayed replayed = replay_file(PcapngFile()
                                              .section()
                                              .interface({.link_type = 127})
                                              .interface()
                                              .enhanced(0, 1, syn)
                                              .enhanced(1, 2, syn)
                                              .bytes());
    ASSERT_FALSE(replayed.read);
    EXPECT_EQ(replayed.read.error().message(),
              "test.pcap: replay: link type 127 (IEEE802_11_RADIO) is not known; its frames were "
              "passed over; capture on another interface");
    EXPECT_THAT(replayed.of("flow"), SizeIs(1));
}

TEST(ReplayRun, ReportsWhatPrecedesDamage) {
    CaptureRig rig;
    Conversation talk(rig, FST_HOOK_XDP);
    talk.open().exchange(2);
    Bytes file = rig.file();
    file.resize(file.size() - 3);
    const Replayed replayed = replay_file(file);
    EXPECT_FALSE(replayed.read);
    EXPECT_THAT(replayed.of("flow"), SizeIs(1));
    EXPECT_EQ(replayed.stats.counters[FST_COUNT_TCP], rig.frames() - 1);
}

TEST(ReplayRun, CountsFramesWithoutALinkHeader) {
    const Replayed replayed = replay_file(PcapFile().frame(1s, Bytes(9, 1)).bytes());
    EXPECT_TRUE(replayed.read);
    EXPECT_EQ(replayed.stats.counters[FST_COUNT_CUT], 1U);
}

TEST(ReplayRun, AFilterLimitsTheReports) {
    CaptureRig rig;
    Conversation talk(rig, FST_HOOK_XDP);
    talk.open().exchange(4);
    talk.send(forged_from_nearer(talk));
    auto filter = net::Filter::compile("port 1");
    ASSERT_TRUE(filter);
    const Replayed replayed = replay_file(rig.file(), std::move(*filter));
    EXPECT_THAT(replayed.of("reset"), IsEmpty());
    EXPECT_THAT(replayed.of("flow"), IsEmpty());
    EXPECT_EQ(replayed.stats.counters[FST_COUNT_RST], 1U);
}

/// A packet captured before the network card segments it: its data still counts.
TEST(ReplayRun, TakesAMissingIpLengthFromTheWire) {
    const Bytes whole =
        (Ethernet{} / Ipv4{.total_length = 0} / Tcp{.flags = Ack} / filler(200)).bytes();
    const Replayed replayed = replay_file(PcapFile().frame(1s, whole, 14 + 20'040).bytes());
    EXPECT_EQ(replayed.stats.counters[FST_COUNT_BYTES], 20'040U);
}

}  // namespace
}  // namespace flowstamp::testing
