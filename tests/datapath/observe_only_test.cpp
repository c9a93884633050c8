// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Without permission to act no packet is dropped or changed, whatever the packet and the policy.
#include "tests/datapath/fixture.h"
#include "tests/datapath/fuzz.h"

namespace flowstamp::testing {
namespace {

class DatapathObserveOnly : public DatapathTest {};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathObserveOnly, ::testing::ValuesIn(every_hook()),
                         case_name);

constexpr int kConnections = 250;
constexpr int kPacketsEach = 40;

/// Any policy, including those that users cannot set.
fst_policy any_policy(Fuzz& fuzz) {
    fst_policy policy{};
    policy.drop_mode = fuzz.below(4);
    policy.challenge_mode = fuzz.below(4);
    return policy;
}

TEST_P(DatapathObserveOnly, NoPacketIsDroppedOrChanged) {
    const std::unique_ptr<Rig> own = fresh({});  // corrupted bytes may create any other case's flow
    Rig& rig = *own;
    Fuzz fuzz(20'261);
    const std::uint64_t acted = rig.counter(FST_COUNT_DROPPED) + rig.counter(FST_COUNT_CHALLENGED);
    const std::uint64_t confirmed = rig.counter(FST_COUNT_RST_CONFIRMED);
    for (int i = 0; i < kConnections; i++) {
        Conversation talk(rig, hook(), {.v6 = i % 4 == 3});
        talk.open().exchange(4);
        for (int j = 0; j < kPacketsEach; j++) {
            rig.set_policy(any_policy(fuzz));
            rig.advance_us(fuzz.pick<std::uint32_t>({10, 1000, 20'000, 700'000}));
            const Segment segment = fuzz.packet(talk);
            Bytes frame = talk.encode(segment);
            if (fuzz.below(3) == 0) {
                fuzz.corrupt(frame);
            }
            const Outcome outcome = rig.run(talk.hook(segment.from), {.bytes = frame});
            ASSERT_FALSE(outcome.dropped) << "connection " << i << ", packet " << j;
            ASSERT_EQ(outcome.bytes, frame) << "connection " << i << ", packet " << j;
        }
    }
    EXPECT_EQ(rig.counter(FST_COUNT_DROPPED) + rig.counter(FST_COUNT_CHALLENGED), acted);
    EXPECT_GT(rig.counter(FST_COUNT_RST_CONFIRMED), confirmed + 50)
        << "too few confirmed resets to prove anything";
}

/// The same with permission to act, but no policy.
TEST_P(DatapathObserveOnly, NorWithPermissionButNoPolicy) {
    for (int i = 0; i < 20; i++) {
        Conversation talk(acting(), hook());
        talk.open().exchange(4);
        Segment forged = talk.stateless_reset();
        forged.ttl += 3;
        forged.id = 0x3412;
        const Outcome outcome = talk.send(forged);
        EXPECT_EQ(outcome.judgement().verdict, FST_VERDICT_CONFIRMED);
        EXPECT_FALSE(outcome.dropped);
        EXPECT_EQ(outcome.bytes, talk.encode(forged));
    }
}

}  // namespace
}  // namespace flowstamp::testing
