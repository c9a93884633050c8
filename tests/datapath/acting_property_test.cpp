// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Whatever the packets and the policy: only RSTs are changed, and only as a challenge needs.
#include "tests/datapath/fixture.h"
#include "tests/datapath/fuzz.h"

namespace flowstamp::testing {
namespace {

class DatapathActingProperty : public DatapathTest {};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathActingProperty, ::testing::ValuesIn(ingress_hooks()),
                         case_name);

constexpr int kConnections = 250;
constexpr int kPacketsEach = 40;

/// The bytes that differ are all in TCP's sequence numbers, flags or checksum; or, if a zero byte
/// was appended, in IP's length and checksum.
bool only_a_challenge(const Bytes& before, const Bytes& after, bool v6) {
    const std::size_t ip = 14, tcp = ip + (v6 ? 40 : 20);
    const bool grown = after.size() == before.size() + 1 && after.back() == 0;
    if (after.size() != before.size() && !grown) {
        return false;
    }
    for (std::size_t i = 0; i < before.size(); i++) {
        const bool sequence = i >= tcp + 4 && i < tcp + 12;
        const bool flags = i == tcp + 13;
        const bool checksum = i == tcp + 16 || i == tcp + 17;
        const std::size_t length = ip + (v6 ? 4 : 2);
        const bool of_ip = i == length || i == length + 1 || (!v6 && (i == 24 || i == 25));
        if (before[i] != after[i] && !sequence && !flags && !checksum && !(grown && of_ip)) {
            return false;
        }
    }
    return true;
}

TEST_P(DatapathActingProperty, OnlyResetsAreChangedAndOnlyForAChallenge) {
    const std::unique_ptr<Rig> rig = fresh({.acting = true});
    Fuzz fuzz(7919);
    int challenged = 0, dropped = 0;
    for (int i = 0; i < kConnections; i++) {
        Conversation talk(*rig, hook(), {.v6 = i % 4 == 3});
        talk.open().exchange(4);
        fst_policy policy{};
        policy.drop_mode = fuzz.below(3);
        policy.challenge_mode = fuzz.below(3);
        rig->set_policy(policy);
        for (int j = 0; j < kPacketsEach; j++) {
            SCOPED_TRACE(::testing::Message() << "connection " << i << ", packet " << j);
            rig->advance_us(fuzz.pick<std::uint32_t>({10, 1000, 20'000, 700'000}));
            Segment segment = fuzz.packet(talk);
            segment.checksum = Checksum::Correct;
            const Bytes frame = talk.encode(segment);
            const Outcome outcome = rig->run(talk.hook(segment.from), {.bytes = frame});
            const bool may_act = segment.from == End::peer && (segment.flags & Rst) != 0;
            ASSERT_TRUE(may_act || (!outcome.dropped && outcome.bytes == frame));
            ASSERT_TRUE(outcome.bytes == frame || !outcome.dropped);
            ASSERT_TRUE(tcp_checksum_ok(outcome.bytes));
            ASSERT_TRUE(only_a_challenge(frame, outcome.bytes, talk.setting().v6));
            const bool held =
                outcome.dropped && outcome.judgement().action == FST_ACTION_CHALLENGED;
            challenged += outcome.bytes != frame || held ? 1 : 0;
            dropped += outcome.dropped && !held ? 1 : 0;
        }
    }
    EXPECT_EQ(rig->counter(FST_COUNT_CHALLENGED), static_cast<std::uint64_t>(challenged));
    EXPECT_EQ(rig->counter(FST_COUNT_DROPPED), static_cast<std::uint64_t>(dropped));
    EXPECT_GT(challenged, 100);
    EXPECT_GT(dropped, 20);
}

}  // namespace
}  // namespace flowstamp::testing
