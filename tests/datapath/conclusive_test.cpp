// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Evidence that needs more than the RST itself: a SYN answered twice, a second RST, an earlier
// forgery in the flow. And the guards against false positives.
#include "tests/datapath/fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathConclusive : public DatapathTest {
  protected:
    Conversation established(const Setting& setting = {}) {
        Conversation talk(watching(), hook(), setting);
        talk.open().exchange(5);
        talk.pass_ms(200);
        return talk;
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathConclusive, ::testing::ValuesIn(every_hook()),
                         case_name);

/// Timestamps that corroborate nothing, an ID that continues nothing.
Segment uncorroborated(Conversation& talk, TcpFlags flags = Rst | Ack) {
    Segment reset = talk.next(End::peer, flags);
    reset.id = static_cast<std::uint16_t>(reset.id + 7000);
    if (reset.timestamps) {
        reset.timestamps->ecr = 1;
    }
    return reset;
}

Segment answer_to_syn(Conversation& talk) {
    Segment reset = talk.stateless_reset();
    reset.flags = Rst | Ack;
    reset.seq = 0;
    reset.ack = talk.edge(End::us);
    return reset;
}

TEST_P(DatapathConclusive, ASynAnsweredBySynAckAndReset) {
    for (const bool v6 : {false, true}) {
        Conversation talk(watching(), hook(), {.v6 = v6});
        talk.send(End::us, Syn);
        talk.pass_ms(20);
        talk.send(End::peer, Syn | Ack);
        talk.pass_us(50);
        const fst_judgement judgement = talk.send(answer_to_syn(talk)).judgement();
        EXPECT_EQ(signal_names(counted(judgement.signals)), "SYN_RST");
        EXPECT_EQ(judgement.verdict, FST_VERDICT_CONFIRMED);
        EXPECT_TRUE(talk.state_has(FST_FLOW_FORGED, End::peer));
    }
}

/// A server may accept and then reset; and a retransmitted SYN may be answered twice.
TEST_P(DatapathConclusive, SynLegitimatelyAnsweredTwice) {
    Conversation accepted(watching(), hook());
    accepted.open();
    accepted.pass_ms(1);
    EXPECT_EQ(accepted.send(answer_to_syn(accepted)).judgement().signals & bit(FST_SIGNAL_SYN_RST),
              0U);

    Conversation again(watching(), hook());
    const Segment syn = again.next(End::us, Syn);
    again.send(syn);
    again.pass_ms(1000);
    again.send(syn);
    again.pass_ms(20);
    again.send(End::peer, Syn | Ack);
    again.pass_us(50);
    EXPECT_EQ(again.send(answer_to_syn(again)).judgement().signals & bit(FST_SIGNAL_SYN_RST), 0U);
}

TEST_P(DatapathConclusive, ASecondResetThatGuessesHigher) {
    Conversation talk = established();
    Segment first = uncorroborated(talk);
    first.seq += 10;  // above the edge: a guess
    talk.send(first);
    talk.pass_us(500);
    Segment second = first;
    second.seq += 1460;
    const fst_judgement judgement = talk.send(second).judgement();
    EXPECT_EQ(signal_names(counted(judgement.signals)), "SEQ_CHANGE");
    EXPECT_EQ(judgement.verdict, FST_VERDICT_CONFIRMED);
}

TEST_P(DatapathConclusive, ASecondResetThatIsNoEvidence) {
    struct Case {
        const char* name;
        std::uint32_t first, step;  ///< relative to the edge; to the first
        std::uint64_t after_ms;
        bool other_flags, fin;
    };
    for (const Case& c : {Case{"the same", 10, 0, 1, false, false},
                          Case{"one or two more: a FIN or SYN counts", 10, 2, 1, false, false},
                          Case{"two seconds later", 10, 1460, 2000, false, false},
                          Case{"other flags", 10, 1460, 1, true, false},
                          Case{"after a FIN", 10, 1460, 1, false, true},
                          Case{"the first one below the edge", 0xfffffc00, 5000, 1, false, false},
                          Case{"far away", 10, 8U << 20, 1, false, false}}) {
        SCOPED_TRACE(c.name);
        Conversation talk = established();
        if (c.fin) {
            talk.send(End::us, Fin | Ack);
        }
        Segment first = uncorroborated(talk);
        first.seq += c.first;
        talk.send(first);
        talk.pass_ms(c.after_ms);
        Segment second = first;
        second.seq += c.step;
        if (c.other_flags) {
            second.flags = Rst;
        }
        EXPECT_EQ(talk.send(second).judgement().signals & bit(FST_SIGNAL_SEQ_CHANGE), 0U);
    }
}

/// Two RSTs within a second whose distances differ by 2 or more hops.
TEST_P(DatapathConclusive, TwoPaths) {
    struct Case {
        std::uint8_t first_ttl, second_ttl;
        std::uint64_t after_ms;
        bool two_paths;
    };
    for (const Case& c : {Case{57, 59, 500, true}, Case{57, 58, 500, false},
                          Case{57, 59, 1000, false}, Case{57, 121, 500, false}}) {
        SCOPED_TRACE(::testing::Message() << int(c.second_ttl) << " after " << c.after_ms);
        Conversation talk = established();
        Segment first = uncorroborated(talk);
        first.ttl = c.first_ttl;
        first.seq += 100;  // not exact: the flow stays open
        talk.send(first);
        talk.pass_ms(c.after_ms);
        Segment second = uncorroborated(talk);
        second.ttl = c.second_ttl;
        const std::uint64_t signals = talk.send(second).judgement().signals;
        EXPECT_EQ((signals & bit(FST_SIGNAL_TWO_PATHS)) != 0, c.two_paths) << signal_names(signals);
    }
}

/// An abort with the TTL of its socket, and its kernel's bare resets with the host's default.
TEST_P(DatapathConclusive, TwoInitialTtlsOfOneHostAreOnePath) {
    Conversation talk = established();
    Segment abort = uncorroborated(talk);
    abort.ttl = 32;
    abort.seq += 100;
    talk.send(abort);
    Segment bare = talk.stateless_reset();
    bare.ttl = 61;
    EXPECT_FALSE(talk.send(bare).judgement().signals & bit(FST_SIGNAL_TWO_PATHS));
}

/// Our own RST explains what follows, unless something in the flow was forged: a middlebox that
/// resets both ends makes our stack answer.
TEST_P(DatapathConclusive, OurOwnResetExcusesNothingInAForgedFlow) {
    Conversation talk = established();
    Segment forged = uncorroborated(talk);
    forged.ttl += 2;
    talk.send(forged);
    talk.pass_us(50);
    talk.send(End::us, Rst | Ack);
    talk.pass_us(50);
    const fst_judgement judgement = talk.send(forged).judgement();
    EXPECT_NE(judgement.context & FST_CONTEXT_AFTER_OWN_RST, 0U);
    EXPECT_NE(judgement.context & FST_CONTEXT_FORGED_BEFORE, 0U);
    EXPECT_EQ(judgement.verdict, FST_VERDICT_SUSPECTED);
}

/// Strong evidence outweighs the form of a stateless reset.
TEST_P(DatapathConclusive, StatelessFormDoesNotOutweighStrongEvidence) {
    for (const bool two : {false, true}) {
        Conversation talk = established();
        Segment reset = talk.stateless_reset();
        reset.ttl += 2;
        if (two) {
            reset.mac = "00:00:5e:00:53:99";
        }
        const fst_judgement judgement = talk.send(reset).judgement();
        EXPECT_NE(judgement.context & FST_CONTEXT_STATELESS, 0U);
        EXPECT_EQ(judgement.verdict, two ? FST_VERDICT_CONFIRMED : FST_VERDICT_SUSPECTED);
    }
}

/// Two weak corroborating signals do not outweigh it.
TEST_P(DatapathConclusive, StatelessFormOutweighsWeakEvidence) {
    Conversation talk = established();
    Segment reset = talk.stateless_reset();
    reset.ttl -= 2;
    reset.mac = "00:00:5e:00:53:99";
    const fst_judgement judgement = talk.send(reset).judgement();
    EXPECT_EQ(signal_names(counted(judgement.signals)), "MAC_FOREIGN|FARTHER");
    EXPECT_EQ(judgement.verdict, FST_VERDICT_GENUINE);
    EXPECT_EQ(judgement.cause, FST_CAUSE_EDGE);
}

/// It is stateless only if it answers what we sent: one of our latest 64 ACKs, window 0, bare.
TEST_P(DatapathConclusive, WhatIsNotStateless) {
    struct Case {
        const char* name;
        void (*change)(Segment&);
    };
    for (const Case& c :
         {Case{"has an ACK", [](Segment& reset) { reset.flags = Rst | Ack; }},
          Case{"bears a window", [](Segment& reset) { reset.window = 502; }},
          Case{"bears options", [](Segment& reset) { reset.timestamps = {70'000'000, 1}; }},
          Case{"bears data", [](Segment& reset) { reset.payload = 1; }},
          Case{"lies ahead", [](Segment& reset) { reset.seq += 1; }}}) {
        SCOPED_TRACE(c.name);
        Conversation talk = established();
        Segment reset = talk.stateless_reset();
        c.change(reset);
        EXPECT_EQ(talk.send(reset).judgement().context & FST_CONTEXT_STATELESS, 0U);
    }
}

/// A scanner crafts the SYN; its kernel, with its own TTL and IDs, sends the RST.
TEST_P(DatapathConclusive, ABareSynIsNoBaseline) {
    Conversation talk(watching(), hook());
    Segment syn = talk.next(End::peer, Syn);
    syn.ttl = 242;
    syn.id = 54321;
    syn.timestamps.reset();
    talk.send(syn);
    talk.pass_us(50);
    talk.send(End::us, Syn | Ack);
    talk.pass_ms(20);
    Segment reset = talk.stateless_reset();
    reset.ttl = 50;
    const fst_judgement judgement = talk.send(reset).judgement();
    EXPECT_NE(judgement.context & FST_CONTEXT_NO_BASELINE, 0U);
    EXPECT_EQ(judgement.base_hops, 255);
    EXPECT_EQ(signal_names(counted(judgement.signals)), "none");
    EXPECT_EQ(judgement.verdict, FST_VERDICT_GENUINE);
}

/// A single SYN-ACK is one, but only for a nearer RST.
TEST_P(DatapathConclusive, ASynAckIsABaseline) {
    for (const bool nearer : {true, false}) {
        Conversation talk(watching(), hook());
        talk.open();
        talk.pass_ms(10);
        Segment reset = uncorroborated(talk);
        reset.ttl = nearer ? 60 : 50;
        const fst_judgement judgement = talk.send(reset).judgement();
        EXPECT_EQ(judgement.base_hops, 7);
        EXPECT_EQ(signal_names(counted(judgement.signals)), nearer ? "NEARER" : "none");
    }
}

}  // namespace
}  // namespace flowstamp::testing
