// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The signals' guards: cases in which genuine hosts send the same fields, so they are no evidence.
#include "tests/datapath/fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathGuard : public DatapathTest {
  protected:
    Conversation established(const Setting& setting = {}, int exchanges = 5) {
        Conversation talk(watching(), hook(), setting);
        talk.open().exchange(exchanges);
        talk.pass_ms(300);
        return talk;
    }
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathGuard, ::testing::ValuesIn(every_hook()), case_name);

/// Timestamps that corroborate nothing, an ID that continues nothing.
Segment neutral(Conversation& talk) {
    Segment reset = talk.next(End::peer, Rst | Ack);
    reset.id = static_cast<std::uint16_t>(reset.id + 7000);
    if (reset.timestamps) {
        reset.timestamps->ecr = 1;
    }
    return reset;
}

std::string signals_of(Conversation& talk, const Segment& reset) {
    return signal_names(counted(talk.send(reset).judgement().signals));
}

TEST_P(DatapathGuard, WindowIsForeignOnlyIfOthersWereSeen) {
    for (const int exchanges : {1, 2}) {
        Conversation talk = established({}, exchanges);
        Segment reset = neutral(talk);
        reset.window = 4321;
        EXPECT_EQ(signals_of(talk, reset), exchanges < 2 ? "none" : "WINDOW_FOREIGN");
    }
}

TEST_P(DatapathGuard, AKnownWindowIsNoEcho) {
    Setting setting;
    setting.us.window = setting.peer.window;
    Conversation talk = established(setting);
    EXPECT_EQ(signals_of(talk, neutral(talk)), "none");
}

/// Two close counters coincide by chance; 0 and 1 are common; and only 8 IDs are remembered.
TEST_P(DatapathGuard, IdIsAnEchoOnlyWithoutOtherExplanation) {
    struct Case {
        const char* name;
        std::uint16_t our_first_id;
        std::size_t back;  ///< which of our latest IDs
        const char* signals;
    };
    for (const Case& c :
         {Case{"the latest", 20'000, 0, "ID_ECHO"}, Case{"the eighth", 20'000, 7, "ID_ECHO"},
          Case{"the ninth", 20'000, 8, "none"}, Case{"counting side by side", 974, 0, "none"}}) {
        SCOPED_TRACE(c.name);
        Setting setting;
        setting.us.first_id = c.our_first_id;
        Conversation talk = established(setting);
        Segment reset = neutral(talk);
        reset.id = talk.ids(End::us).at(talk.ids(End::us).size() - 1 - c.back);
        EXPECT_EQ(signals_of(talk, reset), c.signals);
    }
    for (const std::uint16_t id : {0, 1}) {
        Setting setting;
        setting.us.ids = Ids::constant;
        setting.us.first_id = id;
        Conversation talk = established(setting);
        Segment reset = neutral(talk);
        reset.id = id;
        EXPECT_EQ(signals_of(talk, reset), "none") << id;
    }
}

TEST_P(DatapathGuard, ConstantsOfKnownInjectors) {
    struct Case {
        std::uint16_t id;
        bool df;
        std::size_t payload;
        const char* signals;
    };
    for (const Case& c : {Case{0x3412, true, 0, "ID_CONSTANT"}, Case{0x1234, true, 0, "none"},
                          Case{1, false, 20, "ID_CONSTANT|DATA"}, Case{1, true, 20, "DATA"},
                          Case{1, false, 0, "none"}}) {
        SCOPED_TRACE(::testing::Message() << c.id << c.df << c.payload);
        Conversation talk = established();
        Segment reset = neutral(talk);
        reset.id = c.id;
        reset.df = c.df;
        reset.payload = c.payload;
        EXPECT_EQ(signals_of(talk, reset), c.signals);
    }
    // A counter may reach it.
    Setting setting;
    setting.peer.timestamps = false;
    setting.peer.first_id = 0x3412 - 5 - 1;
    Conversation talk = established(setting);
    Segment reset = talk.next(End::peer, Rst | Ack);
    reset.id = 0x3412;
    EXPECT_EQ(signals_of(talk, reset), "ID_IN_SEQUENCE");
}

TEST_P(DatapathGuard, IdZeroWithoutDfOnlyWhereDfIsSet) {
    Setting setting;
    setting.peer.df = false;
    Conversation talk = established(setting);
    Segment reset = neutral(talk);
    reset.id = 0;
    reset.df = false;
    EXPECT_EQ(signals_of(talk, reset), "none");
}

TEST_P(DatapathGuard, TimingNeedsSamplesAndARealRoundTrip) {
    struct Case {
        const char* name;
        std::uint64_t rtt_us;
        int exchanges;
        const char* signals;
    };
    for (const Case& c :
         {Case{"enough", 20'000, 3, "ACK_TOO_SOON"}, Case{"three samples", 20'000, 2, "none"},
          Case{"short", 4900, 6, "none"}}) {
        SCOPED_TRACE(c.name);
        Conversation talk = established({.rtt_us = c.rtt_us}, c.exchanges);
        Segment reset = neutral(talk);
        talk.send(End::us, Psh | Ack, 100);
        talk.pass_us(c.rtt_us / 8);
        reset.ack = talk.edge(End::us);
        EXPECT_EQ(signals_of(talk, reset), c.signals);
    }
}

TEST_P(DatapathGuard, ThresholdsAreAQuarterAndAHalfOfTheMinimumRtt) {
    struct Case {
        std::uint64_t after_us;
        const char* signals;
    };
    for (const Case& c : {Case{4999, "ACK_TOO_SOON"}, Case{5000, "ACK_SOON"},
                          Case{9999, "ACK_SOON"}, Case{10'000, "none"}}) {
        SCOPED_TRACE(c.after_us);
        Conversation talk = established();
        Segment reset = neutral(talk);
        talk.send(End::us, Psh | Ack, 100);
        talk.pass_us(c.after_us);
        reset.ack = talk.edge(End::us);
        EXPECT_EQ(signals_of(talk, reset), c.signals);
    }
}

/// XNU and the BSDs never put timestamps on a RST, nor does Windows negotiate them as Linux does.
TEST_P(DatapathGuard, MissingTimestampsCountOnlyForALinuxLikePeer) {
    struct Case {
        const char* name;
        std::uint8_t ttl;
        Ids ids;
        bool df;
        const char* signals;
    };
    for (const Case& c : {Case{"Linux", 57, Ids::per_flow, true, "NO_TIMESTAMPS"},
                          Case{"base 128", 121, Ids::per_flow, true, "none"},
                          Case{"random IDs", 57, Ids::random, true, "none"},
                          Case{"without DF", 57, Ids::per_flow, false, "none"}}) {
        SCOPED_TRACE(c.name);
        Setting setting;
        setting.peer.ttl = c.ttl;
        setting.peer.ids = c.ids;
        setting.peer.df = c.df;
        Conversation talk = established(setting);
        Segment reset = neutral(talk);
        reset.timestamps.reset();
        EXPECT_EQ(signals_of(talk, reset), c.signals);
    }
}

TEST_P(DatapathGuard, MacIsForeignOnlyToASideWithOneMac) {
    const auto with_foreign_mac = [](Conversation& talk) {
        Segment reset = neutral(talk);
        reset.mac = "00:00:5e:00:53:99";
        return signals_of(talk, reset);
    };
    Conversation one = established();
    EXPECT_EQ(with_foreign_mac(one), "MAC_FOREIGN");

    Conversation fresh_flow(watching(), hook());
    fresh_flow.open().exchange(1);
    EXPECT_EQ(with_foreign_mac(fresh_flow), "none") << "two packets are too few";

    Conversation two = established();
    Segment other = two.next(End::peer, Ack, 10);
    other.mac = "00:00:5e:00:53:77";
    for (int i = 0; i < 64; i++) {  // every 64th packet is checked
        other = two.next(End::peer, Ack, 10);
        other.mac = "00:00:5e:00:53:77";
        two.pass_ms(1);
        two.send(other);
    }
    EXPECT_EQ(with_foreign_mac(two), "none");

    Conversation mirrored = established();
    const Segment data = mirrored.next(End::peer, Psh | Ack, 100);
    mirrored.send(data);
    mirrored.pass_us(100);
    mirrored.send(data);
    mirrored.pass_ms(100);
    EXPECT_EQ(with_foreign_mac(mirrored), "none");
}

TEST_P(DatapathGuard, HopsOfAPeerThatHasSeveral) {
    Conversation talk = established();
    for (const std::uint8_t ttl : {50, 60}) {
        Segment segment = talk.next(End::peer, Ack, 10);
        segment.ttl = ttl;
        talk.send(segment);
    }
    Conversation* peer = &talk;
    const auto signals = [&](std::uint8_t ttl) {
        Segment reset = neutral(*peer);
        reset.ttl = ttl;
        reset.seq += 50;  // leaves the flow open
        peer->pass_ms(1500);
        return signals_of(*peer, reset);
    };
    EXPECT_EQ(signals(55), "none") << "between its nearest and its farthest";
    EXPECT_EQ(signals(61), "none") << "one hop is noise";
    EXPECT_EQ(signals(62), "NEARER");
    EXPECT_EQ(signals(49), "none");
    EXPECT_EQ(signals(48), "FARTHER");
}

TEST_P(DatapathGuard, MoreTtlsThanAreStored) {
    Conversation talk = established();
    for (const std::uint8_t ttl : {50, 51, 52, 53, 54}) {
        Segment segment = talk.next(End::peer, Ack, 10);
        segment.ttl = ttl;
        talk.send(segment);
    }
    Segment reset = neutral(talk);
    reset.ttl = 64;
    EXPECT_EQ(signals_of(talk, reset), "none");
}

/// An injector whose resets all have one ID: differing flags distinguish them from a duplicated
/// frame.
TEST_P(DatapathGuard, DuplicateFrameHasTheSameFlags) {
    for (const bool same : {true, false}) {
        Conversation talk = established();
        Segment reset = neutral(talk);
        talk.send(reset);
        talk.pass_us(200);
        reset.flags = same ? Rst | Ack : Rst;
        EXPECT_EQ((talk.send(reset).judgement().context & FST_CONTEXT_DUPLICATE_FRAME) != 0, same);
    }
}

/// A signature matches if all its fields agree.
TEST_P(DatapathGuard, LearnedList) {
    struct Case {
        const char* name;
        fst_learned_signature learned;
        bool matches;
    };
    constexpr std::uint8_t kFlags = Rst | Ack;
    const std::uint32_t here = established().setting().ifindex;
    for (const Case& c : {
             Case{"all", {here, 0x7b7b, 7, kFlags}, true},
             Case{"another ID", {here, 0x7b7c, 7, kFlags}, false},
             Case{"other hops", {here, 0x7b7b, 6, kFlags}, false},
             Case{"other flags", {here, 0x7b7b, 7, Rst}, false},
             Case{"another interface", {here + 1, 0x7b7b, 7, kFlags}, false},
         }) {
        SCOPED_TRACE(c.name);
        for (const std::size_t place : {0, FST_LEARNED_MAX - 1}) {
            fst_policy policy{};
            policy.learned_count = static_cast<__u32>(place) + 1;
            policy.learned[place] = c.learned;
            watching().set_policy(policy);
            Conversation talk = established();
            Segment reset = neutral(talk);
            reset.id = 0x7b7b;
            EXPECT_EQ(signals_of(talk, reset), c.matches ? "LEARNED_SIGNATURE" : "none");
        }
    }
}

fst_policy policy_with(const fst_learned_signature& learned) {
    fst_policy policy{};
    policy.learned_count = 1;
    policy.learned[0] = learned;
    return policy;
}

/// A learned ID may also be the sender's own next one, by chance or by habit.
TEST_P(DatapathGuard, ALearnedIdThatTheSenderAlsoUses) {
    for (const std::uint16_t ahead : {0, 1, 5}) {
        Conversation talk = established();
        const auto id = static_cast<std::uint16_t>(talk.ids(End::peer).back() + ahead);
        watching().set_policy(policy_with(
            {.ifindex = talk.setting().ifindex, .ip_id = id, .hops = 7, .tcp_flags = Rst | Ack}));
        Segment reset = neutral(talk);
        reset.id = id;
        EXPECT_FALSE(talk.send(reset).judgement().signals &
                     FST_SIGNAL_BIT(FST_SIGNAL_LEARNED_SIGNATURE));
    }
}

/// Anybody can send what another's resets look like: with nothing of the flow's own it is suspected
/// and no more, from wherever it comes.
TEST_P(DatapathGuard, ALearnedSignatureNeverConfirmsAlone) {
    Conversation syn(watching(), hook());
    watching().set_policy(policy_with(
        {.ifindex = syn.setting().ifindex, .ip_id = 0x7b7b, .hops = 7, .tcp_flags = Rst | Ack}));
    syn.send(End::us, Syn);
    Segment reset = syn.next(End::peer, Rst | Ack);
    reset.seq = 0;
    reset.id = 0x7b7b;
    reset.window = 0;
    const fst_judgement to_syn = syn.send(reset).judgement();
    EXPECT_EQ(signal_names(to_syn.signals), "LEARNED_SIGNATURE");
    EXPECT_EQ(to_syn.verdict, FST_VERDICT_SUSPECTED);

    Conversation talk = established();
    reset = neutral(talk);
    reset.id = 0x7b7b;
    const fst_judgement there = talk.send(reset).judgement();
    EXPECT_EQ(signal_names(counted(there.signals)), "LEARNED_SIGNATURE");
    EXPECT_EQ(there.verdict, FST_VERDICT_SUSPECTED);
}

}  // namespace
}  // namespace flowstamp::testing
