// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A watch on the host whose program does not read.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "tests/netns/live_path.h"
#include "tests/netns/watch_fixture.h"
#include "user/output/text/statement_text.h"

namespace flowstamp::lab {
namespace {

class WatchZeroWindow : public WatchTest {
  protected:
    void SetUp() override {
        WatchTest::SetUp();
        if (!IsSkipped()) {
            make({});
        }
    }
    static bool is_closed(const WatchLog& log) {
        return std::ranges::any_of(log.findings, [](const auto& its) {
            return its.first.kind == analysis::FindingKind::zero_window;
        });
    }
    /// The server accepts, and does not read what the client sends until its window is closed.
    void fill() {
        const Endpoint at{lab().server().address(lab::Family::V4), 1001};
        const Fd listener = listening_socket(lab().server(), at, 5);
        const std::vector<Fd> senders = start_connections(lab().client(), at, 1);
        const Fd accepted(::accept(listener.get(), nullptr, nullptr));
        ASSERT_TRUE(accepted);
        const std::vector<char> data(1 << 16);
        const auto deadline = std::chrono::steady_clock::now() + 15s;
        while (!watch_->wait_for(is_closed, 20ms) && std::chrono::steady_clock::now() < deadline) {
            (void)::send(senders.front().get(), data.data(), data.size(), MSG_DONTWAIT);
        }
    }
    std::string told() {
        const WatchLog log = watch_->stop();
        for (const Updates<analysis::Finding>& its : log.findings) {
            if (its.first.kind == analysis::FindingKind::zero_window) {
                return output::summary_text(its.first);
            }
        }
        return {};
    }
};

TEST_F(WatchZeroWindow, TheReceiverNamesTheProgram) {
    watch(lab().server(), interfaces_of(lab().server()));
    fill();
    EXPECT_THAT(told(), ::testing::ContainsRegex(fmt::format(
                            "On this host .+ \\(pid {}\\) holds the socket, and has not read "
                            "[0-9]+ bytes\\.$",
                            getpid())));
}

/// It sees the same packets, but does not have that socket.
TEST_F(WatchZeroWindow, TheSenderNamesNone) {
    watch(lab().client(), interfaces_of(lab().client()));
    fill();
    EXPECT_THAT(told(), ::testing::EndsWith("The network is not at fault."));
}

}  // namespace
}  // namespace flowstamp::lab
