// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/tampering_signature.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/events.h"
#include "tests/unit/analysis_bench.h"
#include "user/analysis/aggregator.h"
#include "user/net/names.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;

constexpr TcpFlags kRstAck = Rst | Ack;

/// One connection that we opened, and the record of its end.
struct TamperingSignatureTest : ::testing::Test {
    /// Opens the connection and proceeds to this stage.
    void advance_to(analysis::HandshakeStage stage) {
        talk.send(End::us, Syn);
        talk.pass_ms(10);
        talk.send(End::peer, Syn | Ack);
        if (stage >= analysis::HandshakeStage::ack) {
            talk.pass_ms(10);
            talk.send(End::us, Ack);
        }
        if (stage >= analysis::HandshakeStage::psh) {
            talk.send(End::us, Psh | Ack, 300);
        }
        if (stage == analysis::HandshakeStage::later) {
            talk.pass_ms(20);
            talk.send(End::peer, Psh | Ack, 500);
            talk.send(End::us, Psh | Ack, 200);
        }
        talk.pass_ms(5);
    }
    void reset(End from, TcpFlags flags, std::uint32_t ack = 0) {
        Segment segment = talk.next(from, flags);
        segment.id = next_id++;  // otherwise a duplicate frame, and one reset
        if (!(flags & Ack)) {
            segment.ack = ack;
            segment.timestamps.reset();
        }
        talk.send(segment);
        talk.pass_ms(1);
    }
    void resets(std::initializer_list<TcpFlags> kinds, End from = End::peer) {
        for (const TcpFlags kind : kinds) {
            reset(from, kind);
        }
    }
    /// "psh post-psh:RST dest": the stage, the signature and its sender, after `silence`.
    std::string ending(Nanoseconds silence = 1s, analysis::FlowEnd end = analysis::FlowEnd::reset) {
        bench.pass(silence);
        const analysis::FlowRecord record = bench.record_of(talk, end);
        std::string text(record.stage ? name_of(*record.stage) : "-");
        if (record.signature) {
            text += " " + std::string(name_of(record.signature->signature));
            text += record.signature->end == net::opener_of(record.slot) ? " src" : " dest";
        }
        return text;
    }
    std::uint16_t next_id = 40'000;
    AnalysisBench bench;
    Conversation talk{bench.rig(), FST_HOOK_XDP};
};

TEST_F(TamperingSignatureTest, PostSynNone) {
    advance_to(analysis::HandshakeStage::syn);
    EXPECT_EQ(ending(10s, analysis::FlowEnd::idle), "syn post-syn:none src");
}

TEST_F(TamperingSignatureTest, PostSynRst) {
    advance_to(analysis::HandshakeStage::syn);
    resets({Rst}, End::us);
    EXPECT_EQ(ending(), "syn post-syn:RST src");
}

TEST_F(TamperingSignatureTest, PostSynRstAck) {
    advance_to(analysis::HandshakeStage::syn);
    resets({kRstAck, kRstAck});
    EXPECT_EQ(ending(), "syn post-syn:RST+ACK dest");
}

TEST_F(TamperingSignatureTest, PostSynBoth) {
    advance_to(analysis::HandshakeStage::syn);
    resets({kRstAck, Rst});
    EXPECT_EQ(ending(), "syn post-syn:RST;RST+ACK dest");
}

TEST_F(TamperingSignatureTest, PostAckNone) {
    advance_to(analysis::HandshakeStage::ack);
    EXPECT_EQ(ending(10s, analysis::FlowEnd::idle), "ack post-ack:none src");
}

TEST_F(TamperingSignatureTest, PostAckRst) {
    advance_to(analysis::HandshakeStage::ack);
    resets({Rst});
    EXPECT_EQ(ending(), "ack post-ack:RST dest");
}

TEST_F(TamperingSignatureTest, PostAckRsts) {
    advance_to(analysis::HandshakeStage::ack);
    resets({Rst, Rst, Rst});
    EXPECT_EQ(ending(), "ack post-ack:RST;RST dest");
}

TEST_F(TamperingSignatureTest, PostAckRstAck) {
    advance_to(analysis::HandshakeStage::ack);
    resets({kRstAck}, End::us);
    EXPECT_EQ(ending(), "ack post-ack:RST+ACK src");
}

TEST_F(TamperingSignatureTest, PostAckRstAcks) {
    advance_to(analysis::HandshakeStage::ack);
    resets({kRstAck, kRstAck});
    EXPECT_EQ(ending(), "ack post-ack:RST+ACK;RST+ACK dest");
}

TEST_F(TamperingSignatureTest, PostPshNone) {
    advance_to(analysis::HandshakeStage::psh);
    talk.send(End::peer, Psh | Ack, 1000);
    EXPECT_EQ(ending(10s, analysis::FlowEnd::idle), "psh post-psh:none src");
}

TEST_F(TamperingSignatureTest, PostPshRst) {
    advance_to(analysis::HandshakeStage::psh);
    resets({Rst});
    EXPECT_EQ(ending(), "psh post-psh:RST dest");
}

TEST_F(TamperingSignatureTest, PostPshRstAck) {
    advance_to(analysis::HandshakeStage::psh);
    resets({kRstAck});
    EXPECT_EQ(ending(), "psh post-psh:RST+ACK dest");
}

TEST_F(TamperingSignatureTest, PostPshBothInEitherOrder) {
    advance_to(analysis::HandshakeStage::psh);
    resets({Rst, kRstAck, kRstAck});
    EXPECT_EQ(ending(), "psh post-psh:RST;RST+ACK dest");
}

TEST_F(TamperingSignatureTest, PostPshRstAcks) {
    advance_to(analysis::HandshakeStage::psh);
    resets({kRstAck, kRstAck});
    EXPECT_EQ(ending(), "psh post-psh:RST+ACK;RST+ACK dest");
}

TEST_F(TamperingSignatureTest, PostPshRstsOfOneAck) {
    advance_to(analysis::HandshakeStage::psh);
    resets({Rst, Rst});
    EXPECT_EQ(ending(), "psh post-psh:RST=RST dest");
}

TEST_F(TamperingSignatureTest, PostPshRstsOfDifferentAcks) {
    advance_to(analysis::HandshakeStage::psh);
    reset(End::peer, Rst, 1000);
    reset(End::peer, Rst, 2460);
    EXPECT_EQ(ending(), "psh post-psh:RST!=RST dest");
}

TEST_F(TamperingSignatureTest, PostPshRstsOfWhichOneHasNoAck) {
    advance_to(analysis::HandshakeStage::psh);
    reset(End::peer, Rst, 1000);
    reset(End::peer, Rst, 0);
    EXPECT_EQ(ending(), "psh post-psh:RST;RST0 dest");
}

TEST_F(TamperingSignatureTest, LaterRst) {
    advance_to(analysis::HandshakeStage::later);
    resets({Rst, Rst});
    EXPECT_EQ(ending(), "later later:RST dest");
}

TEST_F(TamperingSignatureTest, LaterRstAck) {
    advance_to(analysis::HandshakeStage::later);
    resets({kRstAck});
    EXPECT_EQ(ending(), "later later:RST+ACK dest");
}

TEST_F(TamperingSignatureTest, TheAnswersOfTheOtherEndDoNotCount) {
    advance_to(analysis::HandshakeStage::psh);
    resets({Rst});
    resets({Rst, Rst, kRstAck}, End::us);
    EXPECT_EQ(ending(), "psh post-psh:RST dest");
}

TEST_F(TamperingSignatureTest, ResetsThatTheConnectionOutlivedDoNotCount) {
    advance_to(analysis::HandshakeStage::syn);
    resets({kRstAck});
    talk.pass_ms(1000);
    talk.send(End::us, Ack);
    talk.send(End::us, Psh | Ack, 300);
    resets({Rst});
    EXPECT_EQ(ending(), "psh post-psh:RST dest");
}

TEST_F(TamperingSignatureTest, PacketsInFlightDoNotOutliveAReset) {
    advance_to(analysis::HandshakeStage::psh);
    resets({kRstAck});
    talk.send(End::us, Psh | Ack, 300);
    talk.pass_ms(20);
    resets({Rst});
    EXPECT_EQ(ending(), "psh post-psh:RST;RST+ACK dest");
}

TEST_F(TamperingSignatureTest, AFrameSeenTwiceIsOneReset) {
    advance_to(analysis::HandshakeStage::psh);
    const Segment reset = talk.next(End::peer, kRstAck);
    talk.send(reset);
    talk.send(reset);
    EXPECT_EQ(ending(), "psh post-psh:RST+ACK dest");
}

// Flows without a signature

TEST_F(TamperingSignatureTest, ANormalCloseHasNone) {
    advance_to(analysis::HandshakeStage::psh);
    talk.send(End::peer, Psh | Ack, 1000);
    talk.send(End::us, Fin | Ack);
    talk.send(End::peer, Fin | Ack);
    talk.send(End::us, Ack);
    EXPECT_EQ(ending(20s, analysis::FlowEnd::closed), "psh");
}

TEST_F(TamperingSignatureTest, AResetAfterAFinHasNone) {
    advance_to(analysis::HandshakeStage::psh);
    talk.send(End::us, Fin | Ack);
    resets({Rst});
    EXPECT_EQ(ending(), "psh");
}

TEST_F(TamperingSignatureTest, AForgedResetThatAnOrderlyCloseFollowsHasNone) {
    advance_to(analysis::HandshakeStage::psh);
    resets({Rst});
    talk.send(End::peer, Psh | Fin | Ack, 1000);
    talk.send(End::us, Fin | Ack);
    EXPECT_EQ(ending(), "psh");
}

TEST_F(TamperingSignatureTest, AnOpenFlowHasNone) {
    advance_to(analysis::HandshakeStage::psh);
    talk.send(End::peer, Psh | Ack, 1000);
    EXPECT_EQ(ending(9s, analysis::FlowEnd::open), "psh");
}

TEST_F(TamperingSignatureTest, AClientThatReadTheAnswerAndIsIdleHasNone) {
    advance_to(analysis::HandshakeStage::psh);
    talk.send(End::peer, Psh | Ack, 1000);
    talk.send(End::us, Ack);
    EXPECT_EQ(ending(10min, analysis::FlowEnd::idle), "psh");
}

TEST_F(TamperingSignatureTest, AnUnansweredSynHasNone) {
    talk.send(End::us, Syn);
    EXPECT_EQ(ending(60s, analysis::FlowEnd::idle), "syn");
}

TEST_F(TamperingSignatureTest, UnansweredDataHasNone) {
    advance_to(analysis::HandshakeStage::psh);
    EXPECT_EQ(ending(10min, analysis::FlowEnd::idle), "psh");
}

TEST_F(TamperingSignatureTest, ARefusalHasNone) {
    talk.send(End::us, Syn);
    talk.pass_ms(10);
    Segment refusal = talk.next(End::peer, kRstAck);
    refusal.seq = 0;
    refusal.window = 0;
    refusal.timestamps.reset();
    talk.send(refusal);
    EXPECT_EQ(ending(), "syn");
}

TEST_F(TamperingSignatureTest, AFlowJoinedMidwayHasNeitherStageNorSignature) {
    talk.send(End::us, Psh | Ack, 300);
    talk.pass_ms(10);
    talk.send(End::peer, Psh | Ack, 1000);
    resets({Rst});
    EXPECT_EQ(ending(), "-");
}

TEST_F(TamperingSignatureTest, MixedResetsAfterTheHandshakeHaveNone) {
    advance_to(analysis::HandshakeStage::ack);
    resets({Rst, kRstAck});
    EXPECT_EQ(ending(), "ack");
}

// The stage

TEST_F(TamperingSignatureTest, FirstDataSentAgainIsStillTheFirst) {
    advance_to(analysis::HandshakeStage::ack);
    const Segment first = talk.next(End::us, Psh | Ack, 300);
    talk.send(first);
    talk.pass_ms(300);
    Segment again = first;
    again.id++;
    talk.send(again);
    resets({Rst});
    EXPECT_EQ(ending(), "psh post-psh:RST dest");
}

TEST_F(TamperingSignatureTest, FirstDataInTwoSegmentsIsOnePush) {
    advance_to(analysis::HandshakeStage::ack);
    talk.send(End::us, Ack, 1448);
    talk.send(End::us, Psh | Ack, 400);
    resets({Rst});
    EXPECT_EQ(ending(), "psh post-psh:RST dest");
}

TEST_F(TamperingSignatureTest, ManyPacketsAreLater) {
    advance_to(analysis::HandshakeStage::psh);
    for (int i = 0; i < 8; i++) {
        talk.send(End::peer, Ack, 1448);
        talk.send(End::us, Ack);
    }
    resets({kRstAck});
    EXPECT_EQ(ending(), "later later:RST+ACK dest");
}

/// The flow's record after a SYN and the RST with which the client aborts the attempt.
analysis::FlowRecord opened_and_reset(std::uint16_t ip_id, std::uint16_t flags) {
    fst_flow flow = example_flow();
    flow.state = FST_OF(FST_FLOW_SYN, kClient) | FST_OF(FST_FLOW_SYN_ACK, kServer);
    flow.direction[kClient].flags = FST_DIRECTION_SEEN | FST_DIRECTION_BASE_SYN;
    FlowScript script(flow, 7, "eth0");
    analysis::Observation syn = script.syn(2000, flags);
    syn.event.packet.ip_id = ip_id;
    analysis::Observation rst = script.rst({.from = kClient, .seq = 2001});
    analysis::Aggregator aggregator(10);
    aggregator.record(syn);
    aggregator.record(rst);
    analysis::FlowRecord record{.slot = flow, .slot_index = 7, .end = analysis::FlowEnd::reset};
    aggregator.complete(record);
    return record;
}

TEST(TamperingSignature, AScannersHalfOpenConnectionHasNone) {
    constexpr std::uint16_t kStack = FST_PACKET_OPTIONS | FST_PACKET_MSS | FST_PACKET_SACK;
    EXPECT_EQ(opened_and_reset(54321, 0).stage, analysis::HandshakeStage::syn);
    EXPECT_FALSE(opened_and_reset(54321, 0).signature);
    EXPECT_FALSE(opened_and_reset(1, 0).signature);
    EXPECT_EQ(opened_and_reset(54321, kStack).signature,
              (analysis::SignatureMatch{analysis::TamperingSignature::syn_rst, kClient}));
}

TEST(TamperingSignature, IsUnknownIfTheResetWasNotSeen) {
    fst_flow flow = example_flow();
    flow.state |= FST_OF(FST_FLOW_RST, kServer);
    EXPECT_FALSE(analysis::tampering_signature(flow, std::nullopt, 1h));
}

TEST(TamperingSignature, EachHasItsOwnName) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < analysis::kTamperingSignatures; i++) {
        names.insert(name_of(static_cast<analysis::TamperingSignature>(i)));
    }
    EXPECT_EQ(names.size(), analysis::kTamperingSignatures);
    EXPECT_FALSE(names.contains(""));
}

}  // namespace
}  // namespace flowstamp::testing
