// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Cases in which a challenge cannot work, and packets that must not be changed.
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/datapath/fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathActingLimits : public DatapathTest {
  protected:
    Conversation established(const Setting& setting = {}) {
        Conversation talk(acting(), hook(), setting);
        talk.open().exchange(5);
        talk.pass_ms(200);
        return talk;
    }

    /// With all RSTs challenged, this one passes for `reason`.
    void expect_passed(Conversation& talk, const Segment& reset, fst_pass_reason reason) {
        const std::uint64_t before = acting().counter(FST_COUNT_PASS_SUSPECT);
        const Outcome outcome = talk.send(reset);
        EXPECT_EQ(outcome.judgement().pass_reason, reason);
        EXPECT_EQ(outcome.judgement().action, FST_ACTION_OBSERVED);
        EXPECT_EQ(outcome.judgement().challenge, FST_CHALLENGE_NONE);
        EXPECT_FALSE(outcome.dropped);
        EXPECT_EQ(outcome.bytes, talk.encode(reset));
        const bool is_doubted = outcome.judgement().verdict != FST_VERDICT_GENUINE;
        EXPECT_EQ(acting().counter(FST_COUNT_PASS_SUSPECT),
                  before + (reason != FST_PASS_CLOSED || is_doubted ? 1 : 0));
        EXPECT_EQ(talk.flow().reset_flags[talk.index(reset.from)] & FST_RESET_CHALLENGED, 0);
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathActingLimits, ::testing::ValuesIn(ingress_hooks()),
                         case_name);

TEST_P(DatapathActingLimits, InSynSent) {
    use(FST_DROP_OFF, FST_CHALLENGE_ALL);
    Conversation talk(acting(), hook());
    talk.send(End::us, Syn);
    talk.pass_ms(20);
    Segment reset = talk.stateless_reset();
    reset.flags = Rst | Ack;
    reset.seq = 0;
    reset.ack = talk.edge(End::us);
    expect_passed(talk, reset, FST_PASS_SYN_SENT);
}

TEST_P(DatapathActingLimits, InSynReceived) {
    use(FST_DROP_OFF, FST_CHALLENGE_ALL);
    Conversation talk(acting(), hook());
    talk.send(End::peer, Syn);
    talk.pass_us(100);
    talk.send(End::us, Syn | Ack);
    talk.pass_ms(20);
    expect_passed(talk, talk.stateless_reset(), FST_PASS_SYN_SENT);
}

/// A reset that is moved past what was received would be out of the window: it becomes a keepalive.
TEST_P(DatapathActingLimits, WithoutAWindow) {
    use(FST_DROP_OFF, FST_CHALLENGE_ALL);
    for (const bool scaled : {false, true}) {
        for (const std::uint16_t window : {0, 1}) {
            if (scaled && window == 1) {
                continue;  // is 128 bytes
            }
            SCOPED_TRACE(window);
            Setting setting;
            setting.us.wscale = scaled ? 7 : 0;
            Conversation talk = established(setting);
            Segment full = talk.next(End::us);
            full.window = window;
            talk.send(full);
            talk.pass_ms(100);
            const Outcome outcome = talk.send(talk.stateless_reset());
            EXPECT_EQ(outcome.judgement().action, FST_ACTION_CHALLENGED);
            EXPECT_EQ(outcome.bytes[47], Ack);
        }
    }
}

TEST_P(DatapathActingLimits, OutOfTheWindow) {
    use(FST_DROP_OFF, FST_CHALLENGE_ALL);
    for (const std::uint32_t off : {0xfffffff0U, 0x70000000U}) {
        Conversation talk = established();
        Segment reset = talk.stateless_reset();
        reset.seq += off;
        expect_passed(talk, reset, FST_PASS_SEQUENCE);
        EXPECT_FALSE(talk.state_has(FST_FLOW_RST, End::peer)) << "the stack ignores it";
    }
}

TEST_P(DatapathActingLimits, WithoutEgress) {
    use(FST_DROP_OFF, FST_CHALLENGE_ALL);
    Conversation talk(acting(), hook());
    for (int i = 0; i < 5; i++) {
        talk.pass_ms(10);
        talk.send(End::peer, Psh | Ack, 100);
    }
    Segment reset = talk.next(End::peer, Rst | Ack);
    expect_passed(talk, reset, FST_PASS_EGRESS_UNSEEN);
}

TEST_P(DatapathActingLimits, OfAnUnknownFlow) {
    use(FST_DROP_SUSPECTED, FST_CHALLENGE_ALL);
    Conversation talk(acting(), hook());
    expect_passed(talk, talk.next(End::peer, Rst | Ack), FST_PASS_UNKNOWN_FLOW);
}

TEST_P(DatapathActingLimits, OfAClosedFlow) {
    use(FST_DROP_SUSPECTED, FST_CHALLENGE_ALL);
    Conversation talk = established();
    talk.send(End::us, Rst | Ack);
    EXPECT_TRUE(talk.state_has(FST_FLOW_RST, End::us));
    talk.pass_ms(20);
    expect_passed(talk, talk.stateless_reset(), FST_PASS_CLOSED);
    Segment nearer = talk.next(End::peer, Rst | Ack);
    nearer.ttl += 4;
    expect_passed(talk, nearer, FST_PASS_CLOSED);
}

/// Our own outgoing RST, forged or not, is for the other end to challenge.
TEST_P(DatapathActingLimits, OnTheWayOut) {
    use(FST_DROP_SUSPECTED, FST_CHALLENGE_ALL);
    Conversation talk = established();
    Segment forged = talk.next(End::us, Rst);
    forged.ttl -= 3;
    forged.window = 4321;
    forged.id = talk.ids(End::peer).back();
    forged.timestamps.reset();
    const Outcome outcome = talk.send(forged);
    EXPECT_EQ(outcome.judgement().verdict, FST_VERDICT_CONFIRMED);
    EXPECT_EQ(outcome.judgement().pass_reason, FST_PASS_NOT_ACTING);
    EXPECT_FALSE(outcome.dropped);
    EXPECT_EQ(outcome.bytes, talk.encode(forged));
}

/// A challenge would break the tunnel's own lengths and checksums. So a confirmed RST is dropped at
/// once, where it would be challenged first outside of a tunnel; any other passes.
TEST_P(DatapathActingLimits, InATunnelItIsDroppedOrPassesButIsNeverChallenged) {
    struct Tunnel {
        const char* name;
        Packet headers;
        std::size_t skip;  ///< bytes of the frame that are not in the tunnel
    };
    const auto rig = fresh({.acting = true, .replaying = true});  // the flow is known outside, too
    const auto talk_here = [&] {
        Conversation talk(*rig, hook());
        talk.open().exchange(5);
        talk.pass_ms(200);
        return talk;
    };
    const auto forge = [](Conversation& talk) {
        Segment forged = talk.stateless_reset();
        forged.ttl += 2;
        forged.id = talk.ids(End::us).back();
        return forged;
    };
    for (const Tunnel& tunnel : std::vector<Tunnel>{
             {"none", Packet(Payload{}), 0},
             {"VXLAN", Ethernet{} / Ipv4{} / Packet(Udp{.dst_port = 4789}) / Vxlan{}, 0},
             {"GRE", Ethernet{} / Ipv4{} / Packet(Gre{.protocol = 0x6558}), 0},
             {"IP in IP", Ethernet{} / Ipv4{.protocol = 4}, 14},
         }) {
        SCOPED_TRACE(tunnel.name);
        const auto receive = [&](const Conversation& talk, const Segment& reset) {
            const Bytes frame = talk.encode(reset);
            const auto begin = frame.begin() + static_cast<std::ptrdiff_t>(tunnel.skip);
            const Bytes whole = (tunnel.headers / Payload(Bytes(begin, frame.end()))).bytes();
            Outcome outcome = rig->run(hook(), {.bytes = whole});
            return std::pair{outcome, outcome.bytes == whole};
        };
        const bool plain = std::string_view(tunnel.name) == "none";

        use(*rig, FST_DROP_CONFIRMED, FST_CHALLENGE_OFF);
        Conversation first = talk_here();
        const auto [confirmed, kept] = receive(first, forge(first));
        EXPECT_EQ(confirmed.judgement().verdict, FST_VERDICT_CONFIRMED);
        EXPECT_EQ(confirmed.dropped, !plain);
        EXPECT_EQ(confirmed.judgement().action, plain ? FST_ACTION_CHALLENGED : FST_ACTION_DROPPED);
        EXPECT_EQ(confirmed.judgement().challenge,
                  plain ? FST_CHALLENGE_ASKED : FST_CHALLENGE_NONE);
        EXPECT_EQ(kept, !plain);

        use(*rig, FST_DROP_CONFIRMED, FST_CHALLENGE_ALL);
        Conversation second = talk_here();
        const std::uint64_t passed = rig->counter(FST_COUNT_PASS_SUSPECT);
        const auto [other, unchanged] = receive(second, second.stateless_reset());
        EXPECT_NE(other.judgement().verdict, FST_VERDICT_CONFIRMED);
        EXPECT_FALSE(other.dropped);
        EXPECT_EQ(other.judgement().action, plain ? FST_ACTION_CHALLENGED : FST_ACTION_OBSERVED);
        EXPECT_EQ(other.judgement().pass_reason, plain ? FST_PASS_NOT_SUSPECT : FST_PASS_TUNNEL);
        EXPECT_EQ(unchanged, !plain);
        EXPECT_EQ(rig->counter(FST_COUNT_PASS_SUSPECT), passed + (plain ? 0 : 1));
        for (const Conversation* talk : {&first, &second}) {
            EXPECT_EQ(talk->flow().reset_flags[talk->index(End::peer)] & FST_RESET_CHALLENGED,
                      plain ? FST_RESET_CHALLENGED : 0);
        }
    }
}

/// The device, or the peer's stack on a veth, completes it: the field holds the pseudo-header's
/// sum, which changes with the length alone. In the kernel's own buffers this is a flag,
/// which a test run cannot set: only the frame's bytes can show it, so this is for XDP and the host
/// only.
TEST_P(DatapathActingLimits, PartialChecksumStays) {
    use(FST_DROP_OFF, FST_CHALLENGE_ALL);
    for (const bool v6 : {false, true}) {
        Conversation talk = established({.v6 = v6});
        Segment reset = talk.next(End::peer, Rst | Ack);
        reset.checksum = Checksum::Partial;
        const Outcome outcome = talk.send(reset);
        EXPECT_EQ(outcome.judgement().action, FST_ACTION_CHALLENGED);
        reset.flags = Ack;
        reset.payload = 1;
        reset.zeros = true;
        reset.seq = talk.direction(End::us).ack_edge - 2;
        reset.ack = talk.direction(End::peer).ack_edge;
        if (in_kernel() && hook() == FST_HOOK_TC_INGRESS) {
            continue;
        }
        EXPECT_EQ(outcome.bytes, talk.encode(reset));
        EXPECT_TRUE(tcp_checksum_partial(outcome.bytes));
    }
}

/// The stack will reject it, but for a frame of a veth's other end that calls itself whole: it goes no farther.
TEST_P(DatapathActingLimits, WithAWrongChecksumItIsDropped) {
    use(FST_DROP_OFF, FST_CHALLENGE_ALL);
    Conversation talk = established();
    Segment reset = talk.next(End::peer, Rst | Ack);
    reset.checksum = Checksum::Wrong;
    const std::uint64_t before = acting().counter(FST_COUNT_DAMAGED);
    const Outcome outcome = talk.send(reset);
    EXPECT_TRUE(outcome.dropped);
    EXPECT_EQ(outcome.find(FST_EVENT_RST), nullptr);
    EXPECT_EQ(acting().counter(FST_COUNT_DAMAGED), before + 1);
}

}  // namespace
}  // namespace flowstamp::testing
