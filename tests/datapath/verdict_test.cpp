// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Each kind of evidence in a RST, alone and in pairs, under each circumstance, compared with the
// order of judgement in docs/findings.md: the expectations follow that text, not the code.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "flowstamp/hops.h"
#include "tests/datapath/fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathVerdict : public DatapathTest {};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathVerdict, ::testing::ValuesIn(every_hook()), case_name);

constexpr std::uint16_t kLearnedId = 0x7a7a;

enum class Strength { strong, weak };
enum class Family { path, id, time, window, timestamps, data, link };

/// How to give a RST evidence of one family, and the signals that it must raise.
struct Evidence {
    const char* name;
    Strength strength;
    Family family;
    std::uint64_t signals;
    bool v6;  ///< possible with IPv6
    void (*give)(Conversation& talk, Segment& reset);
};

/// The data that the RST acknowledges is sent only now.
void acknowledge_fresh_data(Conversation& talk, Segment& reset, std::uint64_t after_us) {
    talk.send(End::us, Psh | Ack, 100);
    talk.pass_us(after_us);
    reset.ack = talk.edge(End::us);
}

const std::vector<Evidence> kEvidence{
    {"nearer", Strength::strong, Family::path, bit(FST_SIGNAL_NEARER), true,
     [](Conversation&, Segment& reset) { reset.ttl += 2; }},
    {"id echo", Strength::strong, Family::id, bit(FST_SIGNAL_ID_ECHO), false,
     [](Conversation& talk, Segment& reset) { reset.id = talk.ids(End::us).back(); }},
    {"id of a known injector", Strength::strong, Family::id, bit(FST_SIGNAL_ID_CONSTANT), false,
     [](Conversation&, Segment& reset) { reset.id = 0x3412; }},
    {"learned id", Strength::strong, Family::id, bit(FST_SIGNAL_LEARNED_SIGNATURE), false,
     [](Conversation&, Segment& reset) { reset.id = kLearnedId; }},
    {"acknowledges far too soon", Strength::strong, Family::time, bit(FST_SIGNAL_ACK_TOO_SOON),
     true, [](Conversation& talk, Segment& reset) { acknowledge_fresh_data(talk, reset, 4000); }},
    {"foreign window", Strength::weak, Family::window, bit(FST_SIGNAL_WINDOW_FOREIGN), true,
     [](Conversation&, Segment& reset) { reset.window = 4321; }},
    {"window echo", Strength::weak, Family::window,
     bit(FST_SIGNAL_WINDOW_FOREIGN) | bit(FST_SIGNAL_WINDOW_ECHO), true,
     [](Conversation& talk, Segment& reset) { reset.window = talk.setting().us.window; }},
    {"id 0 without DF", Strength::weak, Family::id, bit(FST_SIGNAL_ID_ZERO_NO_DF), false,
     [](Conversation&, Segment& reset) {
         reset.id = 0;
         reset.df = false;
     }},
    {"no timestamps", Strength::weak, Family::timestamps, bit(FST_SIGNAL_NO_TIMESTAMPS), false,
     [](Conversation&, Segment& reset) {
         reset.flags = Rst | Ack;
         reset.timestamps.reset();
     }},
    {"data", Strength::weak, Family::data, bit(FST_SIGNAL_DATA), true,
     [](Conversation&, Segment& reset) { reset.payload = 11; }},
    {"foreign MAC", Strength::weak, Family::link, bit(FST_SIGNAL_MAC_FOREIGN), true,
     [](Conversation&, Segment& reset) { reset.mac = "00:00:5e:00:53:99"; }},
    {"farther", Strength::weak, Family::path, bit(FST_SIGNAL_FARTHER), true,
     [](Conversation&, Segment& reset) { reset.ttl -= 2; }},
    {"another initial TTL", Strength::weak, Family::path, bit(FST_SIGNAL_TTL_BASE), true,
     [](Conversation&, Segment& reset) { reset.ttl += 64; }},
    {"acknowledges too soon", Strength::weak, Family::time, bit(FST_SIGNAL_ACK_SOON), true,
     [](Conversation& talk, Segment& reset) { acknowledge_fresh_data(talk, reset, 9000); }},
};

/// A RST with evidence neither for nor against it: exact, from the peer's distance, with timestamps
/// that echo none of ours.
Segment neutral_reset(Conversation& talk) {
    Segment reset = talk.next(End::peer, Rst | Ack);
    reset.id = static_cast<std::uint16_t>(reset.id + 7000);
    if (reset.timestamps) {
        reset.timestamps->ecr = 1;
    }
    return reset;
}

/// The circumstances of the RST.
struct Circumstance {
    const char* name;
    bool midway = false;     ///< no handshake was seen
    bool fin = false;        ///< we sent FIN before
    bool after_own = false;  ///< we sent a RST before
};
constexpr Circumstance kPlain{"plainly"};

/// The order of judgement, as documented.
fst_verdict expected_verdict(const std::vector<Evidence>& evidence, const Circumstance& around) {
    std::set<Family> families;
    bool strong = false;
    for (const Evidence& evidence : evidence) {
        if (evidence.strength == Strength::strong || !around.fin) {
            families.insert(evidence.family);
            strong |= evidence.strength == Strength::strong;
        }
    }
    if (around.after_own) {
        return FST_VERDICT_GENUINE;
    }
    if (strong && families.size() >= 2) {
        return around.midway ? FST_VERDICT_SUSPECTED : FST_VERDICT_CONFIRMED;
    }
    return strong || families.size() >= 2 ? FST_VERDICT_SUSPECTED : FST_VERDICT_GENUINE;
}

Conversation converse(Rig& rig, fst_hook hook, bool v6, const Circumstance& around) {
    Conversation talk(rig, hook, {.v6 = v6});
    if (!around.midway) {
        talk.open();
    }
    talk.exchange(5);
    if (around.fin) {
        talk.send(End::us, Fin | Ack);
    }
    talk.pass_ms(300);
    return talk;
}

/// The expected reset state of the slot after the RST, given its verdict.
void expect_remembered(const Conversation& talk, const Segment& reset, fst_verdict verdict,
                       const Circumstance& around) {
    const fst_flow flow = talk.flow();
    const int peer = talk.index(End::peer);
    const bool genuine = verdict == FST_VERDICT_GENUINE;
    EXPECT_EQ(talk.state_has(FST_FLOW_FORGED, End::peer), !genuine);
    EXPECT_EQ(talk.state_has(FST_FLOW_RST, End::peer), genuine);
    EXPECT_TRUE(talk.state_has(FST_FLOW_AFTER_RST, End::peer));
    EXPECT_EQ(talk.state_has(FST_FLOW_MIDWAY), around.midway);
    EXPECT_EQ(flow.rst_seq[peer], reset.seq);
    EXPECT_EQ(flow.rst_ttl[peer], reset.ttl);
    EXPECT_EQ(flow.rst_tcp_flags[peer], reset.flags);
    EXPECT_EQ(flow.rst_us[peer], static_cast<std::uint32_t>(talk.rig().now_ns() / 1000));
    EXPECT_EQ(flow.liveness_ack[peer], flow.direction[1 - peer].seq_edge);
    EXPECT_EQ(flow.challenges[peer], 0);
}

/// Nothing is learned from a RST: except for its stamp, its side is unchanged.
void expect_nothing_learned(fst_direction before, fst_direction after) {
    EXPECT_EQ(after.packets, before.packets + 1);
    for (fst_direction* side : {&before, &after}) {
        side->packets = 0;
        side->bytes = 0;
        side->version = 0;
        side->last_ns = 0;
        side->ring_next = 0;
        std::ranges::fill(side->ring, fst_stamp{});
    }
    EXPECT_EQ(std::memcmp(&before, &after, sizeof(before)), 0);
}

/// Sends a RST with all of `evidence`, and compares verdict, event, slot and counters with the
/// expectation.
void expect_judged(Rig& rig, fst_hook hook, bool v6, const std::vector<Evidence>& evidence,
                   const Circumstance& around) {
    Conversation talk = converse(rig, hook, v6, around);
    Segment reset = neutral_reset(talk);
    if (around.after_own) {
        talk.send(End::us, Rst | Ack);
    }
    std::uint64_t signals = 0;
    for (const Evidence& evidence : evidence) {
        evidence.give(talk, reset);
        signals |= evidence.signals;
    }
    const fst_direction before = talk.direction(End::peer);
    const std::uint64_t counted_before = rig.counter(FST_COUNT_RST);

    const Outcome outcome = talk.send(reset);

    const fst_verdict verdict = expected_verdict(evidence, around);
    const fst_judgement judgement = outcome.judgement();
    EXPECT_EQ(signal_names(counted(judgement.signals)), signal_names(signals));
    EXPECT_EQ(judgement.verdict, verdict);
    EXPECT_EQ(judgement.cause == FST_CAUSE_FORGED, verdict != FST_VERDICT_GENUINE);
    EXPECT_EQ(judgement.action, FST_ACTION_OBSERVED);
    EXPECT_EQ(judgement.pass_reason, FST_PASS_NOT_ACTING);
    EXPECT_EQ((judgement.context & FST_CONTEXT_HALF_VIEW) != 0, around.midway);
    EXPECT_EQ((judgement.context & FST_CONTEXT_FIN) != 0, around.fin);
    EXPECT_EQ((judgement.context & FST_CONTEXT_AFTER_OWN_RST) != 0, around.after_own);
    EXPECT_EQ(judgement.hops, fst_hops(reset.ttl));
    EXPECT_EQ(judgement.base_hops, fst_hops(talk.setting().peer.ttl));
    EXPECT_FALSE(outcome.dropped);
    EXPECT_EQ(outcome.bytes, talk.encode(reset));
    EXPECT_EQ(rig.counter(FST_COUNT_RST), counted_before + 1);
    expect_remembered(talk, reset, verdict, around);
    expect_nothing_learned(before, talk.direction(End::peer));
}

fst_policy learned_policy() {
    fst_policy policy{};
    for (const std::uint8_t hops : {7, 5, 9}) {  // the peer's, nearer, farther
        policy.learned[policy.learned_count++] = {.ifindex = Setting{}.ifindex,
                                                  .ip_id = kLearnedId,
                                                  .hops = hops,
                                                  .tcp_flags = Rst | Ack};
    }
    return policy;
}

/// An end that has sent its FIN sends no data that could be acknowledged too soon.
bool is_possible(const Evidence& evidence, bool v6, const Circumstance& around) {
    return (evidence.v6 || !v6) && !(around.fin && evidence.family == Family::time);
}

void expect_all_judged(Rig& rig, fst_hook hook, bool v6, const Circumstance& around) {
    rig.set_policy(learned_policy());
    for (auto first = kEvidence.begin(); first != kEvidence.end(); ++first) {
        if (!is_possible(*first, v6, around)) {
            continue;
        }
        SCOPED_TRACE(fmt::format("{} {}: {}", v6 ? "IPv6" : "IPv4", around.name, first->name));
        expect_judged(rig, hook, v6, {*first}, around);
        for (auto second = first + 1; second != kEvidence.end(); ++second) {
            if (second->family == first->family || !is_possible(*second, v6, around)) {
                continue;
            }
            SCOPED_TRACE(second->name);
            expect_judged(rig, hook, v6, {*first, *second}, around);
        }
    }
}

TEST_P(DatapathVerdict, GenuineWithoutEvidence) {
    for (const bool v6 : {false, true}) {
        expect_judged(watching(), hook(), v6, {}, kPlain);
    }
}

TEST_P(DatapathVerdict, EvidenceAloneAndInPairs) {
    expect_all_judged(watching(), hook(), false, kPlain);
}

TEST_P(DatapathVerdict, EvidenceAloneAndInPairsOverIpv6) {
    expect_all_judged(watching(), hook(), true, kPlain);
}

TEST_P(DatapathVerdict, FinCancelsWeakEvidence) {
    expect_all_judged(watching(), hook(), false, {.name = "after FIN", .fin = true});
}

TEST_P(DatapathVerdict, HalfAViewGivesSuspectedAtMost) {
    expect_all_judged(watching(), hook(), false, {.name = "joined midway", .midway = true});
}

TEST_P(DatapathVerdict, AfterOurOwnResetNothingCounts) {
    expect_all_judged(watching(), hook(), false, {.name = "after our RST", .after_own = true});
}

TEST_P(DatapathVerdict, AFamilyCountsOnce) {
    // Both signals of each pair have one cause, so a strong one stays alone.
    fst_policy policy = learned_policy();
    policy.learned[0].ip_id = 0x3412;
    watching().set_policy(policy);
    Conversation talk = converse(watching(), hook(), false, kPlain);
    Segment reset = neutral_reset(talk);
    reset.id = 0x3412;
    const fst_judgement ids = talk.send(reset).judgement();
    EXPECT_EQ(signal_names(counted(ids.signals)), "ID_CONSTANT|LEARNED_SIGNATURE");
    EXPECT_EQ(ids.verdict, FST_VERDICT_SUSPECTED);

    Conversation far = converse(watching(), hook(), false, kPlain);
    reset = neutral_reset(far);
    reset.ttl = 128 - 2;  // the peer: 64 - 7
    const fst_judgement paths = far.send(reset).judgement();
    EXPECT_EQ(signal_names(counted(paths.signals)), "NEARER|TTL_BASE");
    EXPECT_EQ(paths.verdict, FST_VERDICT_SUSPECTED);
}

}  // namespace
}  // namespace flowstamp::testing
