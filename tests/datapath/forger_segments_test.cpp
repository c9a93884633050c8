// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Segments that the stack throws away for another reason than their sequence numbers: what they
// would teach, and what they would hide.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "tests/datapath/forger_fixture.h"

namespace flowstamp::testing {
namespace {

/// What a stack may throw away for another reason than its numbers.
struct Doubtful {
    const char* name;
    std::function<void(Segment&)> change;
};

const std::vector<Doubtful>& doubtful_segments() {
    static const std::vector<Doubtful> all{
        {"a signature by MD5", [](Segment& s) { s.options = {option_of(19)}; }},
        {"a signature by the Authentication Option",
         [](Segment& s) { s.options = {option_of(29)}; }},
        {"a source route", [](Segment& s) { s.ip_options = {0x83, 7, 4, 203, 0, 113, 9}; }},
        {"the first fragment of a datagram",
         [](Segment& s) {
             s.df = false;
             s.more_fragments = true;
         }},
    };
    return all;
}

TEST_P(DatapathForger, WhatAStackMayThrowAwayTeachesNoDistance) {
    protect();
    for (const Doubtful& doubtful : doubtful_segments()) {
        SCOPED_TRACE(doubtful.name);
        Setting plain;
        plain.peer.timestamps = plain.us.timestamps = false;
        Conversation talk = established(plain);
        Segment segment = talk.next(End::peer, Psh | Ack, 8);
        segment.ttl = static_cast<std::uint8_t>(segment.ttl + 4);
        doubtful.change(segment);
        inject(talk, segment);
        EXPECT_EQ(talk.direction(End::peer).ttl[1], 0);
        segment.flags = Fin | Ack;
        inject(talk, segment);
        EXPECT_FALSE(talk.state_has(FST_FLOW_FIN, End::peer));
        expect_refused(talk, crude(talk));
    }
}

TEST_P(DatapathForger, AResetWithAForeignSignatureClosesNothing) {
    Setting plain;
    plain.peer.timestamps = plain.us.timestamps = false;
    Conversation talk = established(plain);
    use(FST_DROP_OFF, FST_CHALLENGE_OFF);
    Segment reset = mimic(talk);
    reset.options = {option_of(19)};
    inject(talk, reset);
    EXPECT_FALSE(talk.state_has(FST_FLOW_RST, End::peer));
    inject(talk, mimic(talk));
    EXPECT_TRUE(talk.state_has(FST_FLOW_RST, End::peer));
}

/// The header that holds the flags lies behind options headers, in the second fragment (RFC 7112).
TEST_P(DatapathForger, OptionsHeadersInFragmentsHideNoReset) {
    protect();
    const Bytes options{60, 0, 1, 4, 0, 0, 0, 0};
    const auto first_fragment = [&](std::size_t count) {
        Bytes data;
        for (std::size_t i = 0; i < count; i++) {
            data.insert(data.end(), options.begin(), options.end());
        }
        return (Ethernet{} / Ipv6{} / Fragment{.more = true, .next_header = 60} / Payload(data))
            .bytes();
    };
    for (const std::size_t count : {1, 2, 9}) {
        SCOPED_TRACE(count);
        const std::uint64_t split = acting().counter(FST_COUNT_SPLIT_HEADER);
        EXPECT_TRUE(acting().run(hook(), {.bytes = first_fragment(count)}).dropped);
        EXPECT_EQ(acting().counter(FST_COUNT_SPLIT_HEADER), split + 1);
    }
    use(FST_DROP_OFF, FST_CHALLENGE_OFF);
    EXPECT_FALSE(acting().run(hook(), {.bytes = first_fragment(1)}).dropped) << "observing";
}

/// After the peer's FIN a reset with the FIN's own number is accepted as well.
TEST_P(DatapathForger, AResetAtTheFinsNumberIsChallenged) {
    protect();
    Conversation talk = established();
    talk.send(End::peer, Fin | Ack);
    talk.send(End::us, Ack);
    talk.pass_ms(50);
    Segment reset = mimic(talk);
    reset.seq -= 1;
    const fst_judgement judged = inject(talk, reset).judgement();
    EXPECT_EQ(judged.action, FST_ACTION_CHALLENGED) << int(judged.pass_reason);
    EXPECT_TRUE(judged.context & FST_CONTEXT_EXACT);
    reset.seq -= 1;
    EXPECT_EQ(inject(talk, reset).judgement().pass_reason, FST_PASS_SEQUENCE);
}

/// It would blind the flow to what acknowledges less: all that the peer goes on to send.
TEST_P(DatapathForger, AnAckOfWhatWasNeverSentIsRefused) {
    Conversation talk = established();
    talk.exchange(10);
    for (int i = 0; i < 10; i++) {  // none is looked at less closely
        Segment ack = talk.next(End::peer, Ack);
        ack.ack += 60'000;
        inject(talk, ack);
        EXPECT_EQ(talk.direction(End::peer).ack_edge, talk.edge(End::us));
        talk.exchange();
    }
}

TEST_P(DatapathForger, ADamagedAckTeachesNoRoundTrip) {
    Conversation talk = established();
    talk.exchange(40);
    const std::uint32_t before = talk.direction(End::peer).min_rtt_us;
    for (int i = 0; i < 20; i++) {
        talk.send(End::us, Psh | Ack, 100);
        talk.pass_us(200);
        Segment ack = talk.next(End::peer, Ack);
        ack.checksum = Checksum::Wrong;
        inject(talk, ack);
        talk.pass_ms(20);
        talk.send(End::peer, Ack);
    }
    EXPECT_GE(talk.direction(End::peer).min_rtt_us, before);
}

TEST_P(DatapathForger, ASegmentLongerThanItsFrameMovesNoEdge) {
    Conversation talk = established();
    Segment segment = talk.next(End::peer, Psh | Ack, 100);
    segment.missing = 3000;
    inject(talk, segment);
    EXPECT_EQ(talk.direction(End::peer).seq_edge, talk.edge(End::peer));
}

/// One who does not see our SYN cannot guess its number.
TEST_P(DatapathForger, AnIcmpErrorAboutASynBearsItsNumber) {
    Conversation talk(acting(), hook());
    talk.send(End::us, Syn);
    const auto error_about = [&](std::uint32_t seq) {
        const Tcp ours{.src_port = talk.port(End::us), .dst_port = 443, .seq = seq};
        const Quoted quoted(Ethernet{} / Ipv4{} / ours, 28);
        const Packet error =
            Ethernet{} / Ipv4{.src = "203.0.113.9", .dst = "192.0.2.1"} / Icmp{} / quoted;
        return acting().run(hook(), {.bytes = error.bytes()}).find(FST_EVENT_ICMP_ERROR) != nullptr;
    };
    const std::uint32_t isn = talk.edge(End::us) - 1;
    EXPECT_TRUE(error_about(isn));
    EXPECT_FALSE(error_about(isn - 1));
    EXPECT_FALSE(error_about(isn - 3'000'000));
    EXPECT_FALSE(error_about(isn + 2));
}

/// A guest on a tap can give a GSO packet an IPv4 length of 0: the stack takes the packet's own (iph_totlen()).
TEST_P(DatapathForger, AnIpv4LengthOfZeroHidesNoReset) {
    protect();
    Conversation talk = established();
    Bytes frame = talk.encode(crude(talk));
    frame[16] = frame[17] = 0;
    write_ipv4_checksum(frame);
    if (in_kernel() && hook() == FST_HOOK_TC_INGRESS) {
        const Outcome gso = acting().run(hook(), {.bytes = frame, .gso_size = 1});
        EXPECT_NE(gso.judgement().action, FST_ACTION_OBSERVED);
    }
    EXPECT_TRUE(acting().run(hook(), {.bytes = frame}).events.empty()) << "no stack takes it in";
}

}  // namespace
}  // namespace flowstamp::testing
