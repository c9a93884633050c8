// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/metrics/listen_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "user/base/fd.h"

namespace flowstamp {
namespace {

using metrics::parse_listen_address;

std::string text_of(std::string_view text) {
    const auto address = parse_listen_address(text);
    return address ? address->text() : address.error().message();
}

TEST(ListenAddress, WithoutAnAddressIsThisHostsOwn) {
    for (const char* text : {"9464", ":9464", "127.0.0.1:9464", "localhost:9464"}) {
        EXPECT_EQ(text_of(text), "127.0.0.1:9464") << text;
        EXPECT_TRUE(parse_listen_address(text)->is_loopback) << text;
    }
    EXPECT_TRUE(parse_listen_address("127.8.0.1:1")->is_loopback);
    EXPECT_TRUE(parse_listen_address("[::1]:9464")->is_loopback);
}

TEST(ListenAddress, OthersAreThoseThatAreWrittenOut) {
    for (const char* text : {"0.0.0.0:9464", "192.0.2.1:65535", "[::]:9464", "[2001:db8::1]:1"}) {
        ASSERT_TRUE(parse_listen_address(text)) << text;
        EXPECT_EQ(text_of(text), text);
        EXPECT_FALSE(parse_listen_address(text)->is_loopback) << text;
    }
}

TEST(ListenAddress, RefusesWhatIsNone) {
    for (const char* text :
         {"", ":", "host", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "*:9464", "::1:9464", "[::1]",
          "[]:1", "[127.0.0.1]:1", "127.0.0.1:65536", "127.0.0.1:94x", "127.1:9464",
          "example.org:9464", "127.0.0.1:9464 "}) {
        EXPECT_EQ(text_of(text), (*text == '\0' ? std::string() : fmt::format("{}: ", text)) +
                                     "not an address and a port; write 127.0.0.1:9464");
    }
}

TEST(ListenAddress, KnowsWhyNobodyCanListenThere) {
    const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t bytes = sizeof(own);
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&own), bytes), 0);
    ASSERT_EQ(::listen(socket.get(), 1), 0);
    ASSERT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own), &bytes), 0);
    const metrics::ListenAddress taken{.host = "127.0.0.1", .port = ntohs(own.sin_port)};
    const Status in_use = metrics::check_free(taken);
    ASSERT_FALSE(in_use);
    EXPECT_EQ(in_use.error().errno_value, EADDRINUSE);
    EXPECT_EQ(in_use.error().object, taken.text());
    const Status foreign = metrics::check_free({.host = "192.0.2.7", .port = taken.port});
    ASSERT_FALSE(foreign);
    EXPECT_THAT(foreign.error().message(), ::testing::HasSubstr("no address of this host"));
}

}  // namespace
}  // namespace flowstamp
