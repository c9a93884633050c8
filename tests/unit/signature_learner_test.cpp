// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/reset/signature_learner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/events.h"
#include "tests/support/recording_sink.h"
#include "user/output/text/signature_text.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint64_t kForged =
    FST_SIGNAL_BIT(FST_SIGNAL_NEARER) | FST_SIGNAL_BIT(FST_SIGNAL_WINDOW_ECHO);
constexpr std::uint64_t kByLearned =
    FST_SIGNAL_BIT(FST_SIGNAL_LEARNED_SIGNATURE) | FST_SIGNAL_BIT(FST_SIGNAL_WINDOW_FOREIGN);

class SignatureLearnerTest : public ::testing::Test {
  protected:
    /// Records a confirmed RST on a new flow, to a server of its own network.
    void note(Nanoseconds when, const RstDetails& details) {
        note(when, details, next_ % 2 == 0 ? "198.51.100.7" : "203.0.113.9");
    }
    void note(Nanoseconds when, const RstDetails& details, const std::string& server,
              std::uint32_t ifindex = 3) {
        fst_flow flow = example_flow();
        flow.key = key_of("192.0.2.1", 40000, server, 443, ifindex);
        FlowScript script(flow, next_++, "eth0");
        const analysis::ResetObservation view(script.at(when).rst(details));
        learner.note(view, view.judgement());
        begun_ = script.now() - when;
    }
    void learn_signature(Nanoseconds when, std::uint16_t id = 0x4242) {
        note(when, {.ttl = 60, .ip_id = id, .signals = kForged});
        note(when, {.ttl = 60, .ip_id = id, .signals = kForged});
    }
    void pass_until(Nanoseconds when) { learner.advance(begun_ + when); }

    RecordingPolicy policy;
    analysis::SignatureLearner learner{policy};

  private:
    std::uint32_t next_ = 0;
    Nanoseconds begun_{0};
};

TEST_F(SignatureLearnerTest, ALearnedSignatureExpires) {
    learn_signature(0s);
    pass_until(analysis::SignatureLearner::kLasts - 1s);
    EXPECT_THAT(learner.learned(), SizeIs(1));
    pass_until(analysis::SignatureLearner::kLasts);
    EXPECT_THAT(learner.learned(), IsEmpty());
    ASSERT_THAT(policy.forgotten, SizeIs(1));
    EXPECT_TRUE(net::same_signature(policy.forgotten[0], policy.learned[0]));
}

TEST_F(SignatureLearnerTest, ProofKeepsALearnedSignatureAlive) {
    learn_signature(0s);
    note(30min, {.ttl = 60, .ip_id = 0x4242, .signals = kForged});
    pass_until(analysis::SignatureLearner::kLasts + 1s);
    EXPECT_THAT(learner.learned(), SizeIs(1));
    EXPECT_EQ(learner.learned()[0].seen - learner.learned()[0].learned, 30min);
    EXPECT_THAT(policy.learned, SizeIs(1)) << "learned once";
}

TEST_F(SignatureLearnerTest, ALearnedSignatureDoesNotProveItself) {
    learn_signature(0s);
    note(30min, {.ttl = 60, .ip_id = 0x4242, .signals = kByLearned});
    EXPECT_EQ(learner.learned()[0].seen - learner.learned()[0].learned, 30min);
    pass_until(analysis::SignatureLearner::kLasts);
    EXPECT_THAT(learner.learned(), IsEmpty());
    // Nor is another signature learned from resets that it confirmed.
    note(62min, {.ttl = 60, .ip_id = 0x4242, .signals = kByLearned});
    note(62min, {.ttl = 60, .ip_id = 0x4242, .signals = kByLearned});
    EXPECT_THAT(learner.learned(), IsEmpty());
}

/// Who is contacted can forge resets on its own connections.
TEST_F(SignatureLearnerTest, TwoUnrelatedHostsAreNeeded) {
    const RstDetails forged{.ttl = 60, .ip_id = 0x4242, .signals = kForged};
    for (const char* server : {"198.51.100.7", "198.51.100.7", "198.51.100.200"}) {
        note(0s, forged, server);
    }
    EXPECT_THAT(learner.learned(), IsEmpty()) << "one host, or one network";
    note(0s, forged, "198.51.101.7");
    EXPECT_THAT(learner.learned(), SizeIs(1));
}

TEST_F(SignatureLearnerTest, AnInterfaceLearnsForItself) {
    const RstDetails forged{.ttl = 60, .ip_id = 0x4242, .signals = kForged};
    note(0s, forged, "198.51.100.7", 3);
    note(0s, forged, "203.0.113.9", 4);
    EXPECT_THAT(learner.learned(), IsEmpty());
    note(0s, forged, "203.0.113.9", 3);
    ASSERT_THAT(learner.learned(), SizeIs(1));
    EXPECT_EQ(learner.learned()[0].signature.ifindex, 3U);
}

TEST_F(SignatureLearnerTest, TheStalestIsReplaced) {
    for (std::uint16_t i = 0; i < FST_LEARNED_MAX; i++) {
        learn_signature(i * 1s, static_cast<std::uint16_t>(0x4000 + i));
    }
    note(100s, {.ttl = 60, .ip_id = 0x4000, .signals = kForged});  // the oldest, confirmed again
    learn_signature(101s, 0x5000);
    EXPECT_THAT(learner.learned(), SizeIs(FST_LEARNED_MAX));
    ASSERT_THAT(policy.forgotten, SizeIs(1));
    EXPECT_EQ(policy.forgotten[0].ip_id, 0x4001);
}

TEST_F(SignatureLearnerTest, NothingIsLearnedIfTheListIsRejected) {
    policy.accepts = false;
    learn_signature(0s);
    EXPECT_THAT(learner.learned(), IsEmpty());
}

TEST_F(SignatureLearnerTest, TheOldListStaysIfTheNewOneIsRejected) {
    for (std::uint16_t i = 0; i < FST_LEARNED_MAX; i++) {
        learn_signature(i * 1s, static_cast<std::uint16_t>(0x4000 + i));
    }
    policy.accepts = false;
    learn_signature(100s, 0x5000);
    EXPECT_EQ(learner.learned(), policy.current);
    EXPECT_EQ(policy.current.front().signature.ip_id, 0x4000);
}

/// A mirror of the list needs only the latest one.
TEST_F(SignatureLearnerTest, PublishesTheWholeList) {
    learn_signature(0s, 0x4000);
    learn_signature(1s, 0x4001);
    EXPECT_EQ(policy.publications, 2U);
    ASSERT_THAT(policy.current, SizeIs(2));
    EXPECT_EQ(policy.current[0].signature.ip_id, 0x4000) << "the oldest first";
    EXPECT_EQ(policy.current[1].signature.ip_id, 0x4001);
    pass_until(2s);
    EXPECT_EQ(policy.publications, 2U) << "nothing has changed";
}

TEST_F(SignatureLearnerTest, PublishesTheTimeASignatureWasLastSeen) {
    using analysis::SignatureLearner;
    learn_signature(0s);
    note(1s, {.ttl = 60, .ip_id = 0x4242, .signals = kForged});
    pass_until(1s);
    EXPECT_EQ(policy.publications, 2U);
    EXPECT_EQ(policy.current[0].seen - policy.current[0].learned, 1s);
    // Many resets do not cause many lists.
    for (int i = 1; i <= 10; i++) {
        note(1s + i * 1ms, {.ttl = 60, .ip_id = 0x4242, .signals = kForged});
        pass_until(1s + i * 1ms);
    }
    EXPECT_EQ(policy.publications, 2U);
    pass_until(1s + SignatureLearner::kRenewedEvery);
    EXPECT_EQ(policy.publications, 3U);
    EXPECT_EQ(policy.current, learner.learned());
}

TEST(SignatureText, NamesWhatMustAgree) {
    EXPECT_EQ(
        output::signature_text(
            {.ifindex = 3, .ip_id = 0x3412, .hops = 1, .tcp_flags = FST_TCP_RST | FST_TCP_ACK}),
        "[R.] from 1 hop away with IP-ID 0x3412");
}

}  // namespace
}  // namespace flowstamp::testing
