// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// An output that is a socket of somebody else's (`-o unix:PATH`).
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "user/output/sink.h"

namespace flowstamp {
namespace {

namespace fs = std::filesystem;
using output::Output;

class UnixOutput : public ::testing::Test {
  protected:
    UnixOutput() {
        std::string name = fs::temp_directory_path() / "flowstamp-unix-XXXXXX";
        directory_ = ::mkdtemp(name.data());
    }
    ~UnixOutput() override { fs::remove_all(directory_); }

    [[nodiscard]] std::string path() const { return directory_ / "socket"; }
    [[nodiscard]] std::string target() const { return "unix:" + path(); }

    Fd listen(int type) const {
        ::unlink(path().c_str());
        Fd socket(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
        sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
        path().copy(address.sun_path, sizeof(address.sun_path) - 1);
        EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
        if (type == SOCK_STREAM) {
            EXPECT_EQ(::listen(socket.get(), 1), 0);
        }
        return socket;
    }
    static Fd accept(const Fd& listener) {
        return Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }
    /// All that can be read now.
    static std::string received(const Fd& socket) {
        std::string all;
        std::array<char, 65536> bytes{};
        for (ssize_t got = 0;
             (got = ::recv(socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT)) > 0;) {
            all.append(bytes.data(), static_cast<std::size_t>(got));
        }
        return all;
    }

    fs::path directory_;
};

TEST_F(UnixOutput, SaysWhyNobodyCanBeReached) {
    const auto missing = Output::file(target());
    ASSERT_FALSE(missing);
    EXPECT_EQ(
        missing.error().message(),
        path() +
            ": connect: no such file or directory; nobody reads there; start the reader first");
    {
        const Fd listener = listen(SOCK_STREAM);
    }
    const auto left_over = Output::file(target());
    ASSERT_FALSE(left_over);
    EXPECT_EQ(left_over.error().errno_value, ECONNREFUSED);
    const auto too_long = Output::file("unix:/" + std::string(108, 'x'));
    ASSERT_FALSE(too_long);
    EXPECT_EQ(too_long.error().errno_value, ENAMETOOLONG);
}

TEST_F(UnixOutput, ReachesAStreamAndOutlivesItsReader) {
    const Fd listener = listen(SOCK_STREAM);
    auto output = Output::file(target());
    ASSERT_TRUE(output);
    output->outlive();
    output->write("one\n");
    {
        const Fd reader = accept(listener);
        EXPECT_EQ(received(reader), "one\n");
    }
    output->write("two\n");
    ASSERT_FALSE(output->health());
    EXPECT_FALSE(output->reader_has_gone()) << "a service that reads may be restarted";
    EXPECT_GT(output->kept_bytes(), 0U);
    auto again = Output::file(target());
    ASSERT_TRUE(again);
    output->move_to(std::move(*again));
    EXPECT_TRUE(output->health());
    EXPECT_EQ(received(accept(listener)), "two\n");
    EXPECT_EQ(output->kept_bytes(), 0U);
}

TEST_F(UnixOutput, ALineThatWasCutIsWrittenAgainAsAWhole) {
    const Fd listener = listen(SOCK_STREAM);
    auto output = Output::file(target());
    ASSERT_TRUE(output);
    output->outlive();
    const std::string line = std::string(4UL << 20, 'x') + "\n";  // more than a socket holds
    output->write("first\n");
    output->write(line);
    EXPECT_GT(output->kept_bytes(), 0U);
    {
        const Fd reader = accept(listener);
        const std::string part = received(reader);
        EXPECT_GT(part.size(), 6U);
        EXPECT_LT(part.size(), line.size());
    }
    output->retry();
    ASSERT_FALSE(output->health());
    auto again = Output::file(target());
    ASSERT_TRUE(again);
    output->move_to(std::move(*again));
    const Fd reader = accept(listener);
    std::string all;
    for (int i = 0; i < 1000 && all.size() < line.size(); i++) {
        all += received(reader);
        output->retry();
    }
    EXPECT_TRUE(all == line) << all.size();
}

TEST_F(UnixOutput, ADatagramHasOneLine) {
    const Fd reader = listen(SOCK_DGRAM);
    auto output = Output::file(target());
    ASSERT_TRUE(output);
    output->write("one\ntwo\n");
    std::array<char, 64> message{};
    EXPECT_EQ(::recv(reader.get(), message.data(), message.size(), MSG_DONTWAIT), 4);
    EXPECT_EQ(::recv(reader.get(), message.data(), message.size(), MSG_DONTWAIT), 4);
    output->outlive();
    output->write("three\nfour\n");
    EXPECT_EQ(::recv(reader.get(), message.data(), message.size(), MSG_DONTWAIT), 6);
    EXPECT_EQ(::recv(reader.get(), message.data(), message.size(), MSG_DONTWAIT), 5);
}

}  // namespace
}  // namespace flowstamp
