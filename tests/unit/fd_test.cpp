// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <type_traits>
#include <utility>

namespace flowstamp {
namespace {

Fd open_null() {
    return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) != -1;
}

static_assert(!std::is_copy_constructible_v<Fd> && !std::is_copy_assignable_v<Fd>);
static_assert(std::is_nothrow_move_constructible_v<Fd>);

TEST(Fd, IsEmptyByDefaultAndAfterAFailedOpen) {
    EXPECT_FALSE(Fd());
    EXPECT_FALSE(Fd(::open("/nonexistent", O_RDONLY)));
    EXPECT_EQ(Fd(-5).get(), -1);
}

TEST(Fd, ClosesWhatItHolds) {
    int number = -1;
    {
        const Fd fd = open_null();
        ASSERT_TRUE(fd);
        number = fd.get();
        EXPECT_TRUE(is_open(number));
    }
    EXPECT_FALSE(is_open(number));
}

TEST(Fd, MovesOwnership) {
    Fd first = open_null();
    const int number = first.get();
    Fd second = std::move(first);
    EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): that is what is tested
    EXPECT_EQ(second.get(), number);
    EXPECT_TRUE(is_open(number));
}

TEST(Fd, AssignmentClosesTheOldOne) {
    Fd fd = open_null();
    const int old = fd.get();
    Fd other = open_null();
    const int kept = other.get();
    fd = std::move(other);
    EXPECT_FALSE(is_open(old));
    EXPECT_EQ(fd.get(), kept);
    EXPECT_TRUE(is_open(kept));
}

TEST(Fd, SurvivesAssignmentToItself) {
    Fd fd = open_null();
    const int number = fd.get();
    Fd& alias = fd;
    fd = std::move(alias);
    EXPECT_EQ(fd.get(), number);
    EXPECT_TRUE(is_open(number));
}

TEST(Fd, ReleaseTransfersOwnership) {
    Fd fd = open_null();
    const int number = fd.release();
    EXPECT_FALSE(fd);
    EXPECT_TRUE(is_open(number));
    fd.reset(number);
    fd.reset();
    EXPECT_FALSE(is_open(number));
}

}  // namespace
}  // namespace flowstamp
