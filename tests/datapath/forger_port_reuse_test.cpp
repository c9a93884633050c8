// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The old connection ended unseen, and this host uses its port again: a refusal of the new SYN is heard, whatever is sent in
// the old one's name.
#include <gtest/gtest.h>

#include "tests/datapath/forger_fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathForgerPortReuse : public DatapathForger {
  protected:
    /// Our SYN of another connection on the same addresses and ports; with data, as of TCP Fast Open (RFC 7413).
    Segment use_port_again(Conversation& talk, std::size_t data = 0) {
        Segment syn = talk.next(End::us, Syn, data);
        syn.seq += 0x30000000;
        syn.ack = 0;
        acting().run(FST_HOOK_TC_EGRESS, {.bytes = talk.encode(syn)});
        return syn;
    }
    /// The peer's, or a firewall's; from elsewhere than the old connection's peer, and with an ID of ours.
    void expect_refusal_heard(Conversation& talk, const Segment& syn) {
        Segment refusal = crude(talk);
        refusal.seq = talk.direction(End::peer).seq_edge + 0x40000000;
        refusal.ack = syn.seq + 1 + static_cast<std::uint32_t>(syn.payload);
        const fst_judgement judged = inject(talk, refusal).judgement();
        EXPECT_EQ(judged.action, FST_ACTION_OBSERVED);
        EXPECT_EQ(judged.verdict, FST_VERDICT_GENUINE);
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathForgerPortReuse, ::testing::ValuesIn(ingress_hooks()),
                         case_name);

/// A first fragment is taken in by no stack; what is taken in by that of the old connection is so by none any more.
TEST_P(DatapathForgerPortReuse, NothingInTheOldConnectionsNameHidesARefusal) {
    protect();
    const auto fragment = [](Segment segment) {
        segment.more_fragments = true;
        return segment;
    };
    const auto old = [](Segment segment) {
        segment.seq -= 200;
        return segment;
    };
    const auto other_syn = [](Segment segment) {
        segment.flags = Syn;
        segment.seq += 0x12345678;
        segment.ack = 0;
        return segment;
    };
    for (int kind = 0; kind < 5; kind++) {
        SCOPED_TRACE(kind);
        Conversation talk = established();
        talk.send(End::peer, Psh | Ack, 200);
        talk.send(End::us, Ack);
        const Segment syn = use_port_again(talk);
        const Segment ack = talk.next(End::peer, Ack);
        const Segment data = talk.next(End::peer, Psh | Ack, 100);
        inject(talk, kind == 0   ? fragment(ack)
                     : kind == 1 ? ack
                     : kind == 2 ? data
                     : kind == 3 ? old(data)
                                 : other_syn(ack));
        expect_refusal_heard(talk, syn);
    }
}

TEST_P(DatapathForgerPortReuse, ARefusalOfASynWithDataIsHeard) {
    protect();
    Conversation talk = established();
    const Segment syn = use_port_again(talk, 500);
    expect_refusal_heard(talk, syn);
}

/// Where the old connection goes on at this end, its packets are what they were.
TEST_P(DatapathForgerPortReuse, OurOwnSideTellsThatTheOldConnectionGoesOn) {
    Conversation talk = established();
    use_port_again(talk);
    EXPECT_TRUE(talk.state_has(FST_FLOW_CANDIDATE));
    talk.send(End::us, Psh | Ack, 100);
    EXPECT_FALSE(talk.state_has(FST_FLOW_CANDIDATE));
}

/// A SYN of ours that was never answered keeps the peer's off for no longer than our stack repeats it.
TEST_P(DatapathForgerPortReuse, AnOldSynOfOursKeepsNoneOfThePeersOff) {
    Conversation talk = established();
    use_port_again(talk);
    talk.pass_ms(140'000);
    talk.restart(0x20000000, 0x60000000);
    talk.send(End::peer, Syn);
    talk.send(End::us, Syn | Ack);
    talk.send(End::peer, Ack);
    talk.send(End::peer, Psh | Ack, 100);
    EXPECT_TRUE(talk.state_has(FST_FLOW_SYN, End::peer));
    EXPECT_EQ(talk.direction(End::peer).seq_edge, talk.edge(End::peer));
}

/// A connection was made up in both names before a client opens one: this host's own answer to its SYN begins it,
/// whatever comes of the one that was made up.
TEST_P(DatapathForgerPortReuse, OurAnswerBeginsAConnectionInAMadeUpOnesPlace) {
    protect();
    Conversation talk(acting(), hook());
    Segment ours = talk.next(End::us, Psh | Ack, 10);
    ours.seq = 0x11111111;
    ours.ack = 0x22222222;
    Segment theirs = talk.next(End::peer, Ack);
    theirs.seq = 0x22222222;
    theirs.ack = ours.seq + 10;
    inject(talk, ours);
    talk.pass_ms(5);
    inject(talk, theirs);
    ASSERT_TRUE(talk.state_has(FST_FLOW_MIDWAY));
    talk.pass_ms(5);
    talk.send(End::peer, Syn);
    talk.pass_us(100);
    talk.send(End::us, Syn | Ack);
    Segment made_up = theirs;
    made_up.payload = 10;
    inject(talk, made_up);
    talk.pass_ms(10);
    talk.send(End::peer, Ack);
    EXPECT_FALSE(talk.state_has(FST_FLOW_MIDWAY));
    EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
    EXPECT_TRUE(talk.state_has(FST_FLOW_SYN, End::peer));
    EXPECT_TRUE(talk.state_has(FST_FLOW_LOCAL, End::us));
    EXPECT_EQ(talk.direction(End::peer).seq_edge, talk.edge(End::peer));
    talk.exchange(3);
    talk.pass_ms(20);
    expect_refused(talk, crude(talk));
}

}  // namespace
}  // namespace flowstamp::testing
