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
    FST_SIGNAL_BIT(FST_SIGNAL_LEARNED_SIGNATURE) | FST_SIGNAL_BIT(FST_SIGNAL_LEARNED_DISTANCE);

class SignatureLearnerTest : public ::testing::Test {
  protected:
    /// A confirmed RST of a flow of its own.
    void note(Nanoseconds when, const RstDetails& details) {
        Story its(example_flow(), next_++, "eth0");
        const analysis::ResetObservation view(its.at(when).rst(details));
        book.note(view, view.judgement());
        begun_ = its.now() - when;
    }
    void learn_signature(Nanoseconds when, std::uint16_t id = 0x4242) {
        note(when, {.ttl = 60, .ip_id = id, .signals = kForged});
        note(when, {.ttl = 60, .ip_id = id, .signals = kForged});
    }
    void pass_until(Nanoseconds when) { book.advance(begun_ + when); }

    RecordingPolicy policy;
    analysis::SignatureLearner book{policy};

  private:
    std::uint32_t next_ = 0;
    Nanoseconds begun_{0};
};

TEST_F(SignatureLearnerTest, ALearnedSignatureAges) {
    learn_signature(0s);
    pass_until(analysis::SignatureLearner::kLasts - 1s);
    EXPECT_THAT(book.learned(), SizeIs(1));
    pass_until(analysis::SignatureLearner::kLasts);
    EXPECT_THAT(book.learned(), IsEmpty());
    ASSERT_THAT(policy.forgotten, SizeIs(1));
    EXPECT_TRUE(net::same_signature(policy.forgotten[0], policy.learned[0]));
}

TEST_F(SignatureLearnerTest, ProofKeepsALearnedSignatureAlive) {
    learn_signature(0s);
    note(30min, {.ttl = 60, .ip_id = 0x4242, .signals = kForged});
    pass_until(analysis::SignatureLearner::kLasts + 1s);
    EXPECT_THAT(book.learned(), SizeIs(1));
    EXPECT_EQ(book.learned()[0].seen - book.learned()[0].learned, 30min);
    EXPECT_THAT(policy.learned, SizeIs(1)) << "learned once";
}

TEST_F(SignatureLearnerTest, ALearnedSignatureDoesNotProveItself) {
    learn_signature(0s);
    note(30min, {.ttl = 60, .ip_id = 0x4242, .signals = kByLearned});
    EXPECT_EQ(book.learned()[0].seen - book.learned()[0].learned, 30min);
    pass_until(analysis::SignatureLearner::kLasts);
    EXPECT_THAT(book.learned(), IsEmpty());
    // Nor is another learned from what it confirmed.
    note(62min, {.ttl = 60, .ip_id = 0x4242, .signals = kByLearned});
    note(62min, {.ttl = 60, .ip_id = 0x4242, .signals = kByLearned});
    EXPECT_THAT(book.learned(), IsEmpty());
}

TEST_F(SignatureLearnerTest, TheStalestMakesRoom) {
    for (std::uint16_t i = 0; i < FST_LEARNED_MAX; i++) {
        learn_signature(i * 1s, static_cast<std::uint16_t>(0x4000 + i));
    }
    note(100s, {.ttl = 60, .ip_id = 0x4000, .signals = kForged});  // the oldest, proven anew
    learn_signature(101s, 0x5000);
    EXPECT_THAT(book.learned(), SizeIs(FST_LEARNED_MAX));
    ASSERT_THAT(policy.forgotten, SizeIs(1));
    EXPECT_EQ(policy.forgotten[0].ip_id, 0x4001);
}

TEST_F(SignatureLearnerTest, WhereNothingIsTakenNothingIsHeld) {
    policy.learns = false;
    learn_signature(0s);
    EXPECT_THAT(book.learned(), IsEmpty());
}

TEST_F(SignatureLearnerTest, WhatWasHeldStaysWhereAnotherIsNotTaken) {
    for (std::uint16_t i = 0; i < FST_LEARNED_MAX; i++) {
        learn_signature(i * 1s, static_cast<std::uint16_t>(0x4000 + i));
    }
    policy.learns = false;
    learn_signature(100s, 0x5000);
    EXPECT_EQ(book.learned(), policy.held);
    EXPECT_EQ(policy.held.front().signature.ip_id, 0x4000);
}

/// Whoever mirrors the list needs nothing but the latest one.
TEST_F(SignatureLearnerTest, PublishesTheWholeList) {
    learn_signature(0s, 0x4000);
    learn_signature(1s, 0x4001);
    EXPECT_EQ(policy.lists, 2U);
    ASSERT_THAT(policy.held, SizeIs(2));
    EXPECT_EQ(policy.held[0].signature.ip_id, 0x4000) << "the one learned longest ago first";
    EXPECT_EQ(policy.held[1].signature.ip_id, 0x4001);
    pass_until(2s);
    EXPECT_EQ(policy.lists, 2U) << "nothing has changed";
}

TEST_F(SignatureLearnerTest, PublishesWhenASignatureWasSeenLast) {
    using analysis::SignatureLearner;
    learn_signature(0s);
    note(1s, {.ttl = 60, .ip_id = 0x4242, .signals = kForged});
    pass_until(1s);
    EXPECT_EQ(policy.lists, 2U);
    EXPECT_EQ(policy.held[0].seen - policy.held[0].learned, 1s);
    // A flood of them does not make a flood of lists.
    for (int i = 1; i <= 10; i++) {
        note(1s + i * 1ms, {.ttl = 60, .ip_id = 0x4242, .signals = kForged});
        pass_until(1s + i * 1ms);
    }
    EXPECT_EQ(policy.lists, 2U);
    pass_until(1s + SignatureLearner::kRenewedEvery);
    EXPECT_EQ(policy.lists, 3U);
    EXPECT_EQ(policy.held, book.learned());
}

TEST(SignatureText, NamesWhatMustAgree) {
    EXPECT_EQ(output::signature_text({.flags = FST_LEARNED_IP_ID | FST_LEARNED_HOPS,
                                      .ip_id = 0x3412,
                                      .window = 0,
                                      .hops = 1,
                                      .tcp_flags = FST_TCP_RST | FST_TCP_ACK}),
              "[R.] from 1 hop away with IP-ID 0x3412");
    EXPECT_EQ(output::signature_text({.flags = FST_LEARNED_WINDOW,
                                      .ip_id = 0,
                                      .window = 8201,
                                      .hops = 0,
                                      .tcp_flags = FST_TCP_RST}),
              "[R] with window 8201");
}

}  // namespace
}  // namespace flowstamp::testing
