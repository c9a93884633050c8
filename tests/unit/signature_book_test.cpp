// SPDX-License-Identifier: Apache-2.0
#include "user/detect/signature_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/events.h"
#include "tests/support/recording_sink.h"

namespace flowstamp::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint64_t kForged =
    FS_SIGNAL_BIT(FS_SIGNAL_NEARER) | FS_SIGNAL_BIT(FS_SIGNAL_WINDOW_ECHO);
constexpr std::uint64_t kByLesson =
    FS_SIGNAL_BIT(FS_SIGNAL_TAUGHT) | FS_SIGNAL_BIT(FS_SIGNAL_TAUGHT_HOPS);

class SignatureBookTest : public ::testing::Test {
  protected:
    /// A convicted RST of a flow of its own.
    void note(Nanoseconds when, const RstDetails& details) {
        Story its(example_flow(), next_++, "eth0");
        const RstView view(its.at(when).rst(details));
        book.note(view, view.judgement());
        begun_ = its.now() - when;
    }
    void teach(Nanoseconds when, std::uint16_t id = 0x4242) {
        note(when, {.ttl = 60, .ip_id = id, .signals = kForged});
        note(when, {.ttl = 60, .ip_id = id, .signals = kForged});
    }
    void pass_until(Nanoseconds when) { book.advance(begun_ + when); }

    RecordingPolicy policy;
    SignatureBook book{policy};

  private:
    std::uint32_t next_ = 0;
    Nanoseconds begun_{0};
};

TEST_F(SignatureBookTest, ALessonAges) {
    teach(0s);
    pass_until(SignatureBook::kLasts - 1s);
    EXPECT_THAT(book.lessons(), SizeIs(1));
    pass_until(SignatureBook::kLasts);
    EXPECT_THAT(book.lessons(), IsEmpty());
    ASSERT_THAT(policy.forgotten, SizeIs(1));
    EXPECT_TRUE(same_signature(policy.forgotten[0], policy.taught[0]));
}

TEST_F(SignatureBookTest, ProofKeepsALessonAlive) {
    teach(0s);
    note(30min, {.ttl = 60, .ip_id = 0x4242, .signals = kForged});
    pass_until(SignatureBook::kLasts + 1s);
    EXPECT_THAT(book.lessons(), SizeIs(1));
    EXPECT_EQ(book.lessons()[0].seen - book.lessons()[0].taught, 30min);
    EXPECT_THAT(policy.taught, SizeIs(1)) << "taught once";
}

TEST_F(SignatureBookTest, ALessonDoesNotFeedOnItself) {
    teach(0s);
    note(30min, {.ttl = 60, .ip_id = 0x4242, .signals = kByLesson});
    EXPECT_EQ(book.lessons()[0].seen - book.lessons()[0].taught, 30min);
    pass_until(SignatureBook::kLasts);
    EXPECT_THAT(book.lessons(), IsEmpty());
    // Nor does what it convicted teach another.
    note(62min, {.ttl = 60, .ip_id = 0x4242, .signals = kByLesson});
    note(62min, {.ttl = 60, .ip_id = 0x4242, .signals = kByLesson});
    EXPECT_THAT(book.lessons(), IsEmpty());
}

TEST_F(SignatureBookTest, TheStalestMakesRoom) {
    for (std::uint16_t i = 0; i < FS_TAUGHT_MAX; i++) {
        teach(i * 1s, static_cast<std::uint16_t>(0x4000 + i));
    }
    note(100s, {.ttl = 60, .ip_id = 0x4000, .signals = kForged});  // the oldest, proven anew
    teach(101s, 0x5000);
    EXPECT_THAT(book.lessons(), SizeIs(FS_TAUGHT_MAX));
    ASSERT_THAT(policy.forgotten, SizeIs(1));
    EXPECT_EQ(policy.forgotten[0].ip_id, 0x4001);
}

TEST_F(SignatureBookTest, WhereNothingIsTakenNothingIsHeld) {
    policy.learns = false;
    teach(0s);
    EXPECT_THAT(book.lessons(), IsEmpty());
}

TEST(SignatureText, NamesWhatMustAgree) {
    EXPECT_EQ(signature_text({.flags = FS_TAUGHT_IP_ID | FS_TAUGHT_HOPS,
                              .ip_id = 0x3412,
                              .window = 0,
                              .hops = 1,
                              .tcp_flags = FS_TCP_RST | FS_TCP_ACK}),
              "[R.] from 1 hop away with IP-ID 0x3412");
    EXPECT_EQ(signature_text({.flags = FS_TAUGHT_WINDOW,
                              .ip_id = 0,
                              .window = 8201,
                              .hops = 0,
                              .tcp_flags = FS_TCP_RST}),
              "[R] with window 8201");
}

}  // namespace
}  // namespace flowstamp::testing
