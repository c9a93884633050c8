// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/connection/one_way.h"

#include <gtest/gtest.h>

#include "tests/unit/analysis_bench.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

TEST(OneWay, AMissingDirectionIsReportedOncePerInterface) {
    AnalysisBench bench;
    for (int flow = 0; flow < 3; flow++) {
        Conversation talk(bench.rig(), FST_HOOK_XDP);
        talk.send(End::us, Syn);
        for (int i = 0; i < 12; i++) {
            bench.pass(20ms);
            Segment data = talk.next(End::us, Psh | Ack, 100);
            data.ack += static_cast<std::uint32_t>(i) * 1000;
            talk.send(data);
        }
        bench.pass(3s);
    }
    EXPECT_EQ(bench.findings_text(), "one-way suspected");
}

/// It acknowledges nothing new: a capture of one direction's data, or a sender that is not
/// answered.
TEST(OneWay, WithoutNewAcknowledgementsItIsNotReported) {
    AnalysisBench bench;
    Conversation talk(bench.rig(), FST_HOOK_XDP);
    talk.send(End::us, Syn);
    for (int i = 0; i < 20; i++) {
        bench.pass(20ms);
        talk.send(End::us, Psh | Ack, 100);
    }
    bench.pass(3s);
    bench.finish();
    EXPECT_EQ(bench.findings_text(), "");
}

TEST(OneWay, IsWithdrawnWhenTheOtherDirectionComes) {
    AnalysisBench bench;
    Conversation talk(bench.rig(), FST_HOOK_XDP);
    for (int i = 0; i < 20; i++) {
        bench.pass(300ms);
        Segment data = talk.next(End::us, Psh | Ack, 100);
        data.ack += static_cast<std::uint32_t>(i) * 1000;
        talk.send(data);
    }
    ASSERT_EQ(bench.findings_text(), "one-way suspected");
    Segment unseen_so_far = talk.next(End::peer, Psh | Ack, 100);
    unseen_so_far.seq += 19'000;
    talk.send(unseen_so_far);
    talk.send(End::us);
    EXPECT_EQ(bench.findings_text(), "one-way suspected, one-way withdrawn");
}

TEST(OneWay, AFlowWithBothDirectionsIsNotReported) {
    AnalysisBench bench;
    Conversation talk(bench.rig(), FST_HOOK_XDP);
    talk.open().exchange(10);
    Conversation midway(bench.rig(), FST_HOOK_XDP);
    midway.exchange(10);
    EXPECT_EQ(bench.findings_text(), "");
}

/// A sender that is not answered at all retransmits: that is no missing direction.
TEST(OneWay, RetransmissionsAloneAreNotReported) {
    AnalysisBench bench;
    Conversation talk(bench.rig(), FST_HOOK_XDP);
    talk.send(End::us, Syn);
    const Segment data = talk.next(End::us, Psh | Ack, 100);
    for (int i = 0; i < 12; i++) {
        bench.pass(300ms);
        talk.send(data);
    }
    EXPECT_EQ(bench.findings_text(), "");
}

/// The SYN-ACK is missing, and what follows in that direction is seen: nothing is one-way.
TEST(OneWay, ASynAckThatIsMissingMakesNoHalf) {
    AnalysisBench bench;
    Conversation talk(bench.rig(), FST_HOOK_XDP);
    talk.send(End::us, Syn);
    for (int i = 0; i < 12; i++) {
        bench.pass(20ms);
        Segment data = talk.next(End::us, Psh | Ack, 100);
        talk.send(data);
        bench.pass(20ms);
        talk.send(End::peer, Psh | Ack, 100);
    }
    bench.pass(3s);
    bench.finish();
    EXPECT_EQ(bench.findings_text(), "");
}

}  // namespace
}  // namespace flowstamp::testing
