// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/injected_segment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/datapath/capture_rig.h"
#include "tests/support/replayed.h"
#include "tests/unit/analysis_bench.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

struct InjectedSegmentTest : ::testing::Test {
    explicit InjectedSegmentTest(const Setting& setting = {})
        : talk(bench.rig(), FST_HOOK_XDP, setting) {}
    AnalysisBench bench;
    Conversation talk;
};

struct WithoutTimestamps : InjectedSegmentTest {
    static Setting plain() {
        Setting setting;
        setting.peer.timestamps = false;
        setting.us.timestamps = false;
        return setting;
    }
    WithoutTimestamps() : InjectedSegmentTest(plain()) {}
};
using InjectedSegmentPlain = WithoutTimestamps;

/// From two hops nearer, the data that the server itself sends a moment later.
TEST_F(InjectedSegmentPlain, TheSameBytesFromTwoDistances) {
    talk.open().exchange(3);
    Segment injected = talk.next(End::peer, Psh | Ack, 400);
    const Segment own = injected;
    injected.ttl += 2;
    injected.id += 77;
    talk.send(injected);
    talk.pass_us(3000);
    talk.send(own);
    EXPECT_EQ(bench.findings_text(), "injected-segment suspected");
}

TEST_F(InjectedSegmentPlain, OriginalLongerThanTheInjectedSegment) {
    talk.open().exchange(3);
    Segment injected = talk.next(End::peer, Psh | Ack, 43);
    Segment own = injected;
    own.payload = 348;
    injected.ttl += 2;
    injected.id = talk.ids(End::us).back();
    talk.send(injected);
    talk.pass_us(3000);
    talk.send(own);
    EXPECT_EQ(bench.findings_text(), "injected-segment confirmed");
}

TEST_F(InjectedSegmentPlain, ARetransmissionOrADetourIsNotReported) {
    talk.open().exchange(3);
    for (const int nearer : {0, 1, -3}) {
        Segment data = talk.next(End::peer, Psh | Ack, 400);
        talk.send(data);
        talk.pass_us(3000);
        data.ttl = static_cast<std::uint8_t>(data.ttl + nearer);
        data.id++;
        talk.send(data);
    }
    EXPECT_EQ(bench.findings_text(), "");
}

/// A mirror on the way shows the packet where it is nearer to its sender.
void send_data_with_a_copy(Conversation& talk, int hops_apart) {
    talk.open().exchange(3);
    Segment data = talk.next(End::peer, Psh | Ack, 400);
    talk.send(data);
    talk.pass_us(3000);
    data.ttl = static_cast<std::uint8_t>(data.ttl + hops_apart);
    talk.send(data);
    talk.pass_us(100);
    talk.send(End::us);
    talk.exchange(3);
}

TEST_F(InjectedSegmentPlain, ACopyIsNotReported) {
    send_data_with_a_copy(talk, 3);
    EXPECT_EQ(bench.findings_text(), "");
}

/// There, the bytes of all that comes again are compared.
TEST(InjectedSegment, ACopyInACaptureIsNotReported) {
    for (const int hops_apart : {0, 1, 3, -3}) {
        CaptureRig rig;
        Conversation talk(rig, FST_HOOK_XDP, WithoutTimestamps::plain());
        send_data_with_a_copy(talk, hops_apart);
        const auto path = cmd::make_host_path(1024);
        const Replayed replayed = replay(std::make_unique<net::MemorySource>(rig.file()), **path);
        EXPECT_THAT(replayed.of("finding"), ::testing::IsEmpty()) << hops_apart;
    }
}

TEST_F(InjectedSegmentTest, DataThatLacksTheTimestamps) {
    talk.open().exchange(3);
    Segment injected = talk.next(End::peer, Psh | Ack, 43);
    injected.ttl += 2;
    injected.timestamps.reset();
    talk.send(injected);
    EXPECT_EQ(bench.findings_text(), "injected-segment confirmed");
}

TEST_F(InjectedSegmentTest, OneSynWithTwoAnswers) {
    talk.send(End::us, Syn);
    talk.pass_us(5000);
    Segment injected = talk.next(End::peer, Syn | Ack);
    const Segment own = injected;
    injected.seq += 777'777;
    injected.id = talk.ids(End::us).back();
    talk.send(injected);
    talk.pass_us(5000);
    talk.send(own);
    EXPECT_EQ(bench.findings_text(), "injected-segment confirmed");
}

/// A retransmitted SYN may reach another host behind the address.
TEST_F(InjectedSegmentTest, TwoSynsMayHaveTwoAnswers) {
    const Segment syn = talk.next(End::us, Syn);
    talk.send(syn);
    talk.pass_us(5000);
    Segment answer = talk.next(End::peer, Syn | Ack);
    talk.send(answer);
    bench.pass(1s);
    talk.send(syn);
    talk.pass_us(5000);
    answer.seq += 777'777;
    talk.send(answer);
    EXPECT_EQ(bench.findings_text(), "");
}

}  // namespace
}  // namespace flowstamp::testing
