// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// `watch` as a user runs it on a terminal: a live view, keys, and afterwards everything as lines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/netns/lab_fixture.h"
#include "tests/netns/on_terminal.h"
#include "user/lab/socket.h"

namespace flowstamp::lab {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kAlternateScreen = "\033[?1049h";
constexpr std::string_view kOwnScreen = "\033[?1049l";
constexpr std::uint16_t kPort = 81;

/// client -- router -- server; the router drops the SYNs to one port of the server.
class WatchLiveView : public LabTest {
  protected:
    void SetUp() override {
        LabTest::SetUp();
        if (IsSkipped()) {
            return;
        }
        make({.routers = 1});
        drop_at_router(kPort);
    }
    Argv arguments(const Argv& more = {}) {
        Argv argv{"watch", "-i", lab().client().toward(lab::Side::Server).name};
        argv.insert(argv.end(), more.begin(), more.end());
        return argv;
    }
    /// One connection that never opens.
    Fd try_to_connect() {
        return lab().client().run_in([&] {
            const SocketAddress server(Endpoint{lab().server().address(lab::Family::V4), kPort});
            Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
            (void)::connect(socket.get(), server.get(), server.length);
            return socket;
        });
    }
};

TEST_F(WatchLiveView, ShowsIncidentsAndLeavesThemAsLines) {
    OnTerminal watch(lab().client(), arguments());
    ASSERT_TRUE(watch.wait_for("What breaks connections")) << watch.drawn();
    ASSERT_TRUE(watch.wait_for("Nothing so far")) << watch.drawn();
    const Fd attempt = try_to_connect();
    ASSERT_TRUE(watch.wait_for("syn-unanswered")) << watch.drawn();
    watch.press('\r');
    ASSERT_TRUE(watch.wait_for("no-answer")) << "the evidence\n" << watch.drawn();
    watch.press('\033');
    ASSERT_TRUE(watch.wait_for("Traffic")) << watch.drawn();
    watch.resize(60, 12);
    ASSERT_TRUE(watch.wait_for("What breaks connections")) << "drawn anew\n" << watch.drawn();
    watch.press('q');
    EXPECT_EQ(watch.wait(), 0);

    const std::string& drawn = watch.drawn();
    const std::string shown = drawn.substr(0, drawn.find(kOwnScreen));
    const std::string after = drawn.substr(drawn.rfind(kOwnScreen));
    EXPECT_THAT(shown, HasSubstr(kAlternateScreen));
    EXPECT_THAT(after, HasSubstr("finding #1"));
    EXPECT_THAT(after, HasSubstr("no-answer"));
    EXPECT_THAT(after, HasSubstr("Watched for"));
    EXPECT_THAT(after, HasSubstr("flowstamp: resets: 0 genuine"));
}

TEST_F(WatchLiveView, CtrlCEndsIt) {
    OnTerminal watch(lab().client(), arguments());
    ASSERT_TRUE(watch.wait_for("What breaks connections")) << watch.drawn();
    watch.press('\003');
    EXPECT_EQ(watch.wait(), 0);
    EXPECT_THAT(watch.drawn(), HasSubstr("Watched for"));
}

TEST_F(WatchLiveView, PausedItCountsOn) {
    OnTerminal watch(lab().client(), arguments());
    ASSERT_TRUE(watch.wait_for("Nothing so far")) << watch.drawn();
    watch.press('p');
    ASSERT_TRUE(watch.wait_for("PAUSED")) << watch.drawn();
    const Fd attempt = try_to_connect();
    EXPECT_FALSE(watch.wait_for("syn-unanswered", 6s)) << watch.drawn();
    watch.press('p');
    EXPECT_TRUE(watch.wait_for("syn-unanswered")) << watch.drawn();
    watch.press('q');
    EXPECT_EQ(watch.wait(), 0);
}

TEST_F(WatchLiveView, EndsWithItsTerminal) {
    OnTerminal watch(lab().client(), arguments());
    ASSERT_TRUE(watch.wait_for("What breaks connections")) << watch.drawn();
    watch.hang_up();
    EXPECT_TRUE(watch.exits());
}

TEST_F(WatchLiveView, ATerminalThatTakesNothingDelaysNoSignal) {
    OnTerminal watch(lab().client(), arguments());
    ASSERT_TRUE(watch.wait_for("What breaks connections")) << watch.drawn();
    watch.stop_output();
    const Fd attempt = try_to_connect();
    std::this_thread::sleep_for(4s);  // it has something to draw
    watch.signal(SIGTERM);
    EXPECT_TRUE(watch.exits()) << "it waits for its terminal";
}

TEST_F(WatchLiveView, PrintsPlainLinesIfAskedTo) {
    const std::vector<std::pair<Argv, std::string>> ways{{{"--plain"}, "xterm"},
                                                         {{"-v"}, "xterm"},
                                                         {{"--json"}, "xterm"},
                                                         {{}, "dumb"},
                                                         {{}, "none-such"}};
    for (const auto& [options, term] : ways) {
        OnTerminal watch(lab().client(), arguments(options), term);
        ASSERT_TRUE(watch.wait_for("Ctrl-C ends.")) << watch.drawn();
        const Fd attempt = try_to_connect();
        EXPECT_TRUE(watch.wait_for("syn-unanswered")) << watch.drawn();
        watch.press('\003');
        EXPECT_EQ(watch.wait(), 0);
        EXPECT_THAT(watch.drawn(), Not(HasSubstr(kAlternateScreen))) << term;
    }
}

}  // namespace
}  // namespace flowstamp::lab
