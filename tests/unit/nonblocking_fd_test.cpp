// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/nonblocking_fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace flowstamp {
namespace {

/// Two connected ends; what is written to one is not read at the other.
struct Ends {
    Fd reader;
    Fd writer;
};

Ends pipe_ends() {
    int fds[2];
    EXPECT_EQ(::pipe2(fds, O_CLOEXEC), 0);
    return {Fd(fds[0]), Fd(fds[1])};
}

Ends socket_ends() {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    return {Fd(fds[0]), Fd(fds[1])};
}

Ends terminal_ends() {
    Fd reader(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    EXPECT_EQ(::grantpt(reader.get()), 0);
    EXPECT_EQ(::unlockpt(reader.get()), 0);
    Fd writer(::open(::ptsname(reader.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
    return {std::move(reader), std::move(writer)};
}

class NonblockingFdTest : public ::testing::TestWithParam<Ends (*)()> {};

TEST_P(NonblockingFdTest, NeverWaitsForAReader) {
    const Ends ends = GetParam()();
    NonblockingFd fd(ends.writer.get(), "the output");
    const std::string text(1 << 16, 'x');
    std::size_t taken = 0;
    for (Result<std::size_t> written = 1; written.value_or(0) != 0;) {
        written = fd.write(text);
        ASSERT_TRUE(written);
        taken += *written;
        ASSERT_LT(taken, 1U << 24) << "nobody reads, and yet it is not full";
    }
    EXPECT_GT(taken, 0U);
    EXPECT_EQ(::fcntl(ends.writer.get(), F_GETFL) & O_NONBLOCK, 0) << "others share it";
    ::fcntl(ends.reader.get(), F_SETFL, O_NONBLOCK);
    std::string read(1 << 15, '\0');
    while (::read(ends.reader.get(), read.data(), read.size()) > 0) {
    }
    fd.wait(std::chrono::seconds(10));
    const auto more = fd.write("more");
    ASSERT_TRUE(more);
    EXPECT_GT(*more, 0U);
}

INSTANTIATE_TEST_SUITE_P(Kinds, NonblockingFdTest,
                         ::testing::Values(&pipe_ends, &socket_ends, &terminal_ends));

TEST(NonblockingFd, FailsAsAWriteFails) {
    const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    const auto written = NonblockingFd(full.get(), "/dev/full").write("text");
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().message(), "/dev/full: write: no space left on device");

    Ends ends = socket_ends();
    ends.reader.reset();
    const auto unheard = NonblockingFd(ends.writer.get(), "the journal").write("text");
    ASSERT_FALSE(unheard);
    EXPECT_EQ(unheard.error().errno_value, EPIPE);
}

}  // namespace
}  // namespace flowstamp
