// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Who wants a reset to pass, or a genuine one to be blamed, sends more than that reset. None of what
// the stack would throw away changes what becomes of another reset, and nothing hides one.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "flowstamp/acceptance_rules.h"
#include "tests/datapath/forger_fixture.h"

namespace flowstamp::testing {
namespace {

INSTANTIATE_TEST_SUITE_P(Datapath, DatapathForger, ::testing::ValuesIn(ingress_hooks()), case_name);

Bytes with_bytes_at(Bytes frame, std::size_t at, const Bytes& more) {
    frame.insert(frame.begin() + std::ptrdiff_t(at), more.begin(), more.end());
    return frame;
}

/// A frame with `count` IPv6 destination options headers of `bytes` each (RFC 8200, section 4.6).
Bytes behind_options(Bytes frame, std::size_t count, std::size_t bytes) {
    for (std::size_t i = 0; i < count; i++) {
        Bytes header(bytes, 0);
        header[0] = frame[20];  // the next header
        header[1] = static_cast<std::uint8_t>(bytes / 8 - 1);
        header[2] = 0x1e;  // to be skipped
        header[3] = static_cast<std::uint8_t>(bytes - 4);
        frame[20] = 60;
        const std::size_t payload = (frame[18] << 8U | frame[19]) + bytes;
        frame[18] = static_cast<std::uint8_t>(payload >> 8U);
        frame[19] = static_cast<std::uint8_t>(payload);
        frame = with_bytes_at(std::move(frame), 54, header);
    }
    return frame;
}

Bytes behind_tags(Bytes frame, std::size_t count) {
    for (std::size_t i = 0; i < count; i++) {
        frame = with_bytes_at(std::move(frame), 12, {0x81, 0, 0, 0});
    }
    return frame;
}

TEST_P(DatapathForger, NoHeadersHideAReset) {
    Conversation four = established();
    Conversation six = established({.v6 = true});
    const Bytes plain4 = four.encode(mimic(four)), plain6 = six.encode(mimic(six));
    for (const Bytes& frame :
         {behind_tags(plain4, 5), behind_tags(plain4, 9), behind_options(plain6, 18, 8),
          behind_options(plain6, 1, 248), behind_options(plain6, 1, 200)}) {
        SCOPED_TRACE(frame.size());
        const std::uint64_t deep = acting().counter(FST_COUNT_TOO_DEEP);
        protect();
        EXPECT_TRUE(acting().run(hook(), {.bytes = frame}).dropped);
        use(FST_DROP_OFF, FST_CHALLENGE_OFF);
        EXPECT_FALSE(acting().run(hook(), {.bytes = frame}).dropped) << "observing";
        EXPECT_EQ(acting().counter(FST_COUNT_TOO_DEEP), deep + 2);
    }
    protect();
    const Outcome shallow =
        acting().run(hook(), {.bytes = behind_tags(behind_options(plain6, 12, 8), 1)});
    EXPECT_NE(shallow.judgement().action, FST_ACTION_OBSERVED);
}

/// What a stack throws away, or takes nothing from, before a reset that is then refused all the same.
struct Prelude {
    const char* name;
    std::function<void(Conversation&, const std::function<void(const Segment&)>&)> send;
};

Segment ack_of_peer(Conversation& talk) {
    return talk.next(End::peer, Ack);
}

std::uint32_t window_of_us(Conversation& talk) {
    const fst_flow flow = talk.flow();
    return fst_receive_window(&flow, talk.index(End::us));
}

/// The last byte that our window holds.
Segment byte_at_the_edge(Conversation& talk) {
    Segment s = ack_of_peer(talk);
    s.seq += window_of_us(talk) - 1;
    s.payload = 1;
    return s;
}

using Inject = std::function<void(const Segment&)>;

const std::vector<Prelude>& preludes() {
    static const std::vector<Prelude> all{
        {"a bare ACK at the right edge of the window",
         [](Conversation& talk, const Inject& inject) {
             Segment s = ack_of_peer(talk);
             s.seq += window_of_us(talk);
             inject(s);
         }},
        {"damaged data at the right edge of the window",
         [](Conversation& talk, const Inject& inject) {
             Segment s = byte_at_the_edge(talk);
             s.checksum = Checksum::Wrong;
             inject(s);
         }},
        {"a byte at the right edge of the window",
         [](Conversation& talk, const Inject& inject) { inject(byte_at_the_edge(talk)); }},
        {"a damaged ACK with a clock far ahead",
         [](Conversation& talk, const Inject& inject) {
             Segment s = ack_of_peer(talk);
             s.timestamps->val += 1U << 30;
             s.checksum = Checksum::Wrong;
             inject(s);
         }},
        {"the SYN-ACK again, with a clock far ahead and from elsewhere",
         [](Conversation& talk, const Inject& inject) {
             const fst_flow flow = talk.flow();
             Segment s = ack_of_peer(talk);
             s.flags = Syn | Ack;
             s.seq = flow.isn[talk.index(End::peer)];
             s.ack = flow.isn[talk.index(End::us)] + 1;
             s.timestamps->val += 1U << 30;
             s.ttl = static_cast<std::uint8_t>(s.ttl + 4);
             inject(s);
         }},
        {"eight blind resets",
         [](Conversation& talk, const Inject& inject) {
             for (int i = 0; i < 8; i++) {
                 Segment s = talk.next(End::peer, Rst | Ack);
                 s.id = 0x3412;
                 s.seq += 0x40000000U + 0x01000000U * static_cast<unsigned>(i);
                 inject(s);
                 talk.pass_ms(2);
             }
         }},
        {"a FIN far ahead, while this end has sent its own",
         [](Conversation& talk, const Inject& inject) {
             talk.send(End::us, Fin | Ack);
             talk.pass_ms(20);
             talk.send(End::peer, Ack);
             Segment s = ack_of_peer(talk);
             s.flags = Fin | Ack;
             s.seq += window_of_us(talk) - 1;
             inject(s);
         }},
        {"the receive window closed",
         [](Conversation& talk, const Inject&) {
             Segment s = talk.next(End::us, Ack);
             s.window = 0;
             talk.send(s);
         }},
    };
    return all;
}

TEST_P(DatapathForger, NothingThatTheStackIgnoresLicensesAReset) {
    protect();
    for (const Prelude& prelude : preludes()) {
        for (const bool is_crude : {false, true}) {
            SCOPED_TRACE(::testing::Message()
                         << prelude.name << ", then " << (is_crude ? "a crude one" : "a mimic"));
            Conversation talk = established();
            prelude.send(talk, [&](const Segment& s) { inject(talk, s); });
            talk.pass_ms(5);
            expect_refused(talk, is_crude ? crude(talk) : mimic(talk));
        }
    }
}

/// After the damaged clock the peer's own packets are still its own.
TEST_P(DatapathForger, ADamagedTimestampBlindsNobody) {
    Conversation talk = established();
    Segment s = ack_of_peer(talk);
    s.timestamps->val += 1U << 30;
    s.checksum = Checksum::Wrong;
    inject(talk, s);
    const std::uint64_t refused = acting().counter(FST_COUNT_REFUSED);
    talk.exchange(3);
    EXPECT_EQ(acting().counter(FST_COUNT_REFUSED), refused);
}

TEST_P(DatapathForger, ADamagedIpHeaderIsNoPacket) {
    Conversation talk = established();
    const std::uint64_t damaged = acting().counter(FST_COUNT_DAMAGED);
    Bytes frame = talk.encode(mimic(talk));
    frame[24] ^= 0x55;  // the header's checksum
    EXPECT_TRUE(acting().run(hook(), {.bytes = frame}).events.empty());
    EXPECT_EQ(acting().counter(FST_COUNT_DAMAGED), damaged + 1);
}

/// A drop of what no stack would have acted on is no drop that its sender could answer.
TEST_P(DatapathForger, ABlindResetIsNotRepeatedByAnother) {
    protect();
    Conversation talk = established();
    EXPECT_TRUE(inject(talk, blind(talk)).dropped);
    talk.send(End::us, Psh | Ack, 10);
    talk.pass_ms(13);
    expect_refused(talk, crude(talk));
}

/// Resets in one burst count once, dropped ones as well.
TEST_P(DatapathForger, ABurstIsDroppedToItsEnd) {
    protect();
    Conversation talk = established();
    for (int i = 0; i < 30; i++) {
        expect_refused(talk, crude(talk));
        talk.pass_ms(16);
        talk.send(End::us, Ack);
    }
}

/// A box nearer than the peer answers sooner than the peer could: no number of its answers is believed.
TEST_P(DatapathForger, ANearerBurstIsNotBelieved) {
    protect();
    Conversation talk = established();
    talk.pass_ms(20'000);
    for (int i = 0; i < 40; i++) {
        Segment reset = talk.stateless_reset();
        reset.ttl = static_cast<std::uint8_t>(reset.ttl + 2);
        expect_refused(talk, reset);
        talk.pass_us(100);
        talk.send(End::us, Ack);  // the challenge ACK
        talk.pass_us(talk.setting().rtt_us * 4 / 5);
    }
}

/// A genuine one may look nearer: its socket had a TTL of its own. Eight answers of a whole round
/// trip each, in the shape of a stack and with no other sign of the peer, are believed.
TEST_P(DatapathForger, NearerAnswersOfAWholeRoundTripAreBelieved) {
    protect();
    Conversation talk = established();
    talk.pass_ms(20'000);
    int refused = 0;
    while (refused < 40) {
        Segment reset = talk.stateless_reset();
        reset.ttl = static_cast<std::uint8_t>(reset.ttl + 2);
        if (inject(talk, reset).judgement().action == FST_ACTION_OBSERVED)
            break;
        refused++;
        talk.pass_us(100);
        talk.send(End::us, Ack);
        talk.pass_us(talk.setting().rtt_us * 11 / 10);
    }
    EXPECT_EQ(refused, FST_CHALLENGES_MAX);
}

/// A genuine reset is believed though blind ones come between the question and its answer, and they
/// do not make it doubtful.
TEST_P(DatapathForger, BlindResetsDelayNoAnswer) {
    protect();
    Conversation talk = established();
    inject(talk, talk.stateless_reset());
    talk.pass_us(100);
    talk.send(End::us, Ack);
    for (int i = 0; i < 3; i++) {
        talk.pass_ms(5);
        inject(talk, blind(talk));
    }
    talk.pass_ms(6);
    const fst_judgement answer = inject(talk, talk.stateless_reset()).judgement();
    EXPECT_EQ(answer.challenge, FST_CHALLENGE_UPHELD);
    EXPECT_EQ(answer.verdict, FST_VERDICT_GENUINE);
    EXPECT_FALSE(talk.state_has(FST_FLOW_FORGED, End::peer));
}

/// A blind one is no word of its sender's: the flow has rested all the same.
TEST_P(DatapathForger, ABlindResetEndsNoRest) {
    Conversation talk = established();
    const fst_direction before = talk.direction(End::peer);
    talk.pass_ms(11'000);
    inject(talk, blind(talk));
    EXPECT_EQ(talk.direction(End::peer).last_ns, before.last_ns);
    EXPECT_EQ(talk.direction(End::peer).packets, before.packets);
}

/// Before the SYN-ACK a reset must acknowledge the SYN: a bare one, whatever its number, is none.
TEST_P(DatapathForger, ABlindResetToASynIsNone) {
    protect();
    Conversation talk(acting(), hook());
    talk.send(End::us, Syn);
    talk.pass_ms(20);
    Segment bare = talk.next(End::peer, Rst);
    bare.seq = 0;
    Segment of_a_wrong_ack = talk.next(End::peer, Rst | Ack);
    of_a_wrong_ack.ack = talk.edge(End::us) + 1000;
    for (const Segment& reset : {bare, of_a_wrong_ack}) {
        const std::uint64_t refused = acting().counter(FST_COUNT_REFUSED);
        inject(talk, reset);
        EXPECT_EQ(acting().counter(FST_COUNT_REFUSED), refused + 1);
        EXPECT_EQ(talk.flow().rst_us[talk.index(End::peer)], 0U);
        EXPECT_EQ(talk.direction(End::peer).packets, 0U);
    }
}

/// Only what the stack takes in closes a flow: no first fragment, and nothing in a tunnel.
TEST_P(DatapathForger, WhatIsNotTakenInClosesNoFlow) {
    Conversation talk = established();
    const Bytes whole = talk.encode(talk.stateless_reset());
    Bytes first = whole;
    first[20] |= 0x20;  // more fragments
    write_ipv4_checksum(first);
    acting().run(hook(), {.bytes = first});
    const Bytes inner(whole.begin() + 14, whole.end());
    const Bytes tunnel =
        (Ethernet{} / Ipv4{.src = "192.0.2.77", .protocol = 4} / Packet(Payload(inner))).bytes();
    acting().run(hook(), {.bytes = tunnel});
    EXPECT_FALSE(talk.state_has(FST_FLOW_RST, End::peer));
    protect();
    EXPECT_TRUE(acting().run(hook(), {.bytes = first}).dropped) << "no stack sends one";
    expect_refused(talk, mimic(talk));
}

/// One SYN more while a handshake is under way: the stack has one socket, and so have we.
TEST_P(DatapathForger, ASecondSynTakesNoHandshakeAway) {
    protect();
    for (const bool before_answer : {true, false}) {
        SCOPED_TRACE(before_answer);
        Conversation talk(acting(), hook());
        talk.send(End::us, Syn);
        Segment other = talk.next(End::us, Syn);
        other.seq += 0x12345678;
        const auto spoof = [&] { acting().run(FST_HOOK_TC_EGRESS, {.bytes = talk.encode(other)}); };
        if (before_answer) {
            spoof();
        }
        talk.pass_ms(20);
        talk.send(End::peer, Syn | Ack);
        if (!before_answer) {
            spoof();
        }
        talk.send(End::us, Ack);
        talk.exchange(4);
        EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
        expect_refused(talk, mimic(talk));
    }
}

/// A challenge would break a signature, and a second reset has not the meaning of Multipath TCP's.
/// Anyone can add an option to a connection that uses none.
TEST_P(DatapathForger, OnlyAnOptionThatTheConnectionUsesIsNotChallenged) {
    protect();
    Setting plain;  // options have room
    plain.peer.timestamps = plain.us.timestamps = false;
    for (const std::uint8_t kind : {19, 29, 30}) {
        for (const bool is_used : {false, true}) {
            SCOPED_TRACE(::testing::Message() << int(kind) << is_used);
            Conversation talk(acting(), hook(), plain);
            const auto send = [&](End from, TcpFlags flags, std::size_t payload = 0) {
                Segment segment = talk.next(from, flags, payload);
                if (is_used) {
                    segment.options = {option_of(kind)};
                }
                return talk.send(segment);
            };
            send(End::us, Syn);
            talk.pass_ms(20);
            send(End::peer, Syn | Ack);
            send(End::us, Ack);
            for (int i = 0; i < 5; i++) {
                send(End::us, Psh | Ack, 100);
                talk.pass_ms(20);
                send(End::peer, Psh | Ack, 100);
                send(End::us, Ack);
            }
            EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
            Segment reset = mimic(talk);
            reset.options = {option_of(kind)};
            const fst_judgement judged = inject(talk, reset).judgement();
            EXPECT_EQ(judged.action, is_used ? FST_ACTION_OBSERVED : FST_ACTION_CHALLENGED);
            if (is_used) {
                EXPECT_EQ(judged.pass_reason, FST_PASS_OPTIONS);
            }
        }
    }
}

/// What is half a round trip old cannot be an answer, and no sign of life can have come by then.
TEST_P(DatapathForger, AResetHalfARoundTripLaterIsNoAnswer) {
    protect();
    Conversation talk = established();
    expect_refused(talk, talk.stateless_reset());
    talk.pass_us(50);
    talk.send(End::us, Ack);
    talk.pass_us(11'000);
    expect_refused(talk, talk.stateless_reset());
}

/// In a flowing stream a whole round trip does not suffice either: the proof that the peer lives is
/// on its way.
TEST_P(DatapathForger, WhereTheSenderIsHeardOneAnswerIsNotEnough) {
    protect();
    Conversation talk = established();
    expect_refused(talk, talk.stateless_reset());
    talk.pass_us(50);
    talk.send(End::us, Ack);
    talk.pass_us(5'000);
    Segment in_flight = talk.next(End::peer, Ack);  // sent before the reset came
    in_flight.timestamps->val -= 20;
    in_flight.window += 1;
    talk.send(in_flight);
    talk.pass_us(13'500);
    for (int i = 0; i < 2; i++) {
        expect_refused(talk, talk.stateless_reset());
        talk.pass_us(50);
        talk.send(End::us, Ack);
        talk.pass_us(20'000);
    }
    EXPECT_EQ(inject(talk, talk.stateless_reset()).judgement().challenge, FST_CHALLENGE_UPHELD);
}

/// A SYN with data, all of which is acknowledged (RFC 7413), and one whose data is not.
TEST_P(DatapathForger, AConnectionThatOpensWithDataIsProtected) {
    protect();
    for (const bool is_taken : {true, false}) {
        SCOPED_TRACE(is_taken);
        Conversation talk(acting(), hook());
        talk.send(End::us, Syn, 16);
        talk.pass_ms(20);
        Segment answer = talk.next(End::peer, Syn | Ack);
        answer.ack = talk.edge(End::us) - (is_taken ? 0 : 16);
        talk.send(answer);
        talk.send(End::us, Ack);
        talk.exchange(5);
        EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
        EXPECT_FALSE(talk.state_has(FST_FLOW_MIDWAY));
        expect_refused(talk, mimic(talk));
    }
}

/// The route changes as the peer aborts: its first reset has its own timestamps, and its answer to
/// the challenge comes from where that one came from.
TEST_P(DatapathForger, AVouchedResetIsUpheldByTheNewRoute) {
    protect();
    Conversation talk = established();
    Segment abort = mimic(talk);
    abort.ttl = static_cast<std::uint8_t>(abort.ttl + 2);
    ASSERT_EQ(inject(talk, abort).judgement().action, FST_ACTION_CHALLENGED);
    talk.pass_us(100);
    talk.send(End::us, Ack);
    talk.pass_ms(20);
    Segment answer = talk.stateless_reset();
    answer.ttl = abort.ttl;
    EXPECT_EQ(inject(talk, answer).judgement().challenge, FST_CHALLENGE_UPHELD);
}

/// An ICMP error that no stack heeds: about a segment that is not under way, or damaged.
TEST_P(DatapathForger, AnIcmpErrorIsAboutWhatIsUnderWay) {
    for (const bool v6 : {false, true}) {
        Conversation talk = established({.v6 = v6});
        talk.send(End::us, Psh | Ack, 100);
        const auto error_about = [&](std::uint32_t seq, const Checksum& checksum = {}) {
            const Tcp ours{.src_port = talk.port(End::us), .dst_port = 443, .seq = seq};
            const Packet inner = v6 ? Packet(Ipv6{}) : Packet(Ipv4{});
            const Quoted quoted(Ethernet{} / inner / ours, (v6 ? 40 : 20) + 8);
            const Packet error = v6 ? Ethernet{} /
                                          Ipv6{.src = "2001:db8:ff::9", .dst = "2001:db8::1"} /
                                          Icmpv6{.checksum = checksum} / quoted
                                    : Ethernet{} / Ipv4{.src = "203.0.113.9", .dst = "192.0.2.1"} /
                                          Icmp{.checksum = checksum} / quoted;
            return acting().run(hook(), {.bytes = error.bytes()}).find(FST_EVENT_ICMP_ERROR) !=
                   nullptr;
        };
        SCOPED_TRACE(v6);
        EXPECT_TRUE(error_about(talk.edge(End::us) - 100));
        EXPECT_FALSE(error_about(talk.edge(End::us) + 0x40000000));
        EXPECT_FALSE(error_about(talk.edge(End::us) - 101)) << "acknowledged";
        EXPECT_FALSE(error_about(talk.edge(End::us) - 100, Checksum::Wrong));
    }
}

/// A flood of pairs of ACKs, each pair between two made-up ends: flows of which nothing leaves here.
TEST_P(DatapathForger, AFloodOfAcksEvictsNoFlowOfOurs) {
    const auto rig = fresh({.max_flows = 64});
    Conversation talk(*rig, hook());
    talk.open().exchange(2);
    talk.pass_ms(70'000);
    for (std::uint32_t i = 0; i < 5000; i++) {
        const Bytes one = (Ethernet{} / Ipv4{.src = "192.0.2.1", .dst = "192.0.2.1"} /
                           Tcp{.src_port = static_cast<std::uint16_t>(i + 2), .dst_port = 1})
                              .bytes();
        const Bytes back = (Ethernet{} / Ipv4{.src = "192.0.2.1", .dst = "192.0.2.1"} /
                            Tcp{.src_port = 1, .dst_port = static_cast<std::uint16_t>(i + 2)})
                               .bytes();
        rig->run(hook(), {.bytes = one});
        rig->run(hook(), {.bytes = back});
        rig->advance_us(10);
    }
    EXPECT_TRUE(talk.state_has(FST_FLOW_ESTABLISHED));
}

}  // namespace
}  // namespace flowstamp::testing
