// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// `path` as a user runs it: a live view on a terminal, plain lines into a pipe.
#include <gmock/gmock.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstring>

#include "tests/netns/path_fixture.h"

namespace flowstamp::lab {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kErase = "\r\033[J";

/// `path` on a pseudo terminal, as a shell in `host` would start it.
class OnTerminal {
  public:
    OnTerminal(const lab::Namespace& host, std::vector<std::string> arguments) {
        winsize size{.ws_row = 30, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0};
        const std::string path = built_program();
        arguments.insert(arguments.begin(), {path, "path"});
        std::vector<char*> argv;
        argv.reserve(arguments.size() + 1);
        for (std::string& argument : arguments) {
            argv.push_back(argument.data());
        }
        argv.push_back(nullptr);
        pid_ = host.run_in([&] {
            int terminal = -1;
            const pid_t pid = ::forkpty(&terminal, nullptr, nullptr, &size);
            if (pid == 0) {
                ::setenv("TERM", "xterm", 1);
                ::unsetenv("NO_COLOR");
                ::execv(path.c_str(), argv.data());
                ::_exit(126);
            }
            terminal_.reset(terminal);
            return pid;
        });
        ::tcgetattr(terminal_.get(), &before_);
    }
    ~OnTerminal() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
    }

    /// Reads until `text` has been drawn.
    bool wait_for(const std::string& text) {
        while (!drawn_.contains(text) && read_more()) {
        }
        return drawn_.contains(text);
    }
    void press(char key) { EXPECT_EQ(::write(terminal_.get(), &key, 1), 1); }
    /// Closes the terminal, as when the window is closed or the connection is lost.
    void hang_up() { terminal_.reset(); }
    /// Waits for the end; returns whether it exited normally.
    bool exits() {
        int status = 0;
        return ::waitpid(std::exchange(pid_, -1), &status, 0) > 0 && WIFEXITED(status);
    }
    /// Reads to the end; returns the exit status.
    int wait() {
        while (read_more()) {
        }
        termios now{};
        ::tcgetattr(terminal_.get(), &now);
        EXPECT_EQ(now.c_lflag, before_.c_lflag) << "the terminal's modes are as they were";
        EXPECT_EQ(now.c_oflag, before_.c_oflag);
        int status = 0;
        ::waitpid(std::exchange(pid_, -1), &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    [[nodiscard]] const std::string& drawn() const { return drawn_; }

  private:
    bool read_more() {
        constexpr int kTooLong = 30'000;
        pollfd readable{.fd = terminal_.get(), .events = POLLIN, .revents = 0};
        char buffer[4096];
        const ssize_t got = ::poll(&readable, 1, kTooLong) > 0
                                ? ::read(terminal_.get(), buffer, sizeof(buffer))
                                : 0;
        drawn_.append(buffer, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        return got > 0;
    }

    Fd terminal_;
    pid_t pid_ = -1;
    termios before_{};
    std::string drawn_;
};

class PathLiveView : public PathTest {
  protected:
    void SetUp() override {
        PathTest::SetUp();
        if (!IsSkipped()) {
            run(router(), "iptables-nft -t mangle -A FORWARD -p udp --dport 10174 -j DROP");
        }
    }
    const lab::Namespace& router() { return lab().router(1); }
    std::vector<std::string> arguments() {
        return {"-i", router().toward(lab::Side::Client).name, "-i",
                router().toward(lab::Side::Server).name, "udp port 10174"};
    }
};

TEST_F(PathLiveView, ShowsStationsAndLossesAndRestoresTheTerminal) {
    OnTerminal path(router(), arguments());
    ASSERT_TRUE(path.wait_for("waiting for packets that match udp port 10174")) << path.drawn();
    send(3);
    ASSERT_TRUE(path.wait_for("at forward (mangle): iptables-nft mangle FORWARD rule 1"))
        << path.drawn();
    ASSERT_TRUE(path.wait_for("\033[1;31m-3 ")) << "the loss, in its column\n" << path.drawn();
    path.press('\003');
    EXPECT_EQ(path.wait(), 0);

    const std::string& drawn = path.drawn();
    const std::string strong = "\033[1m";
    EXPECT_THAT(drawn, HasSubstr(strong + router().toward(lab::Side::Client).name + " in"));
    EXPECT_THAT(drawn, HasSubstr(strong + "prerouting"));
    EXPECT_THAT(drawn, HasSubstr(strong + "forward"));
    EXPECT_THAT(drawn, Not(HasSubstr(strong + "postrouting"))) << "no packet has reached it";
    EXPECT_THAT(drawn, HasSubstr("table mangle, chain FORWARD, rule 1")) << "also reported in full";

    const std::string end = drawn.substr(drawn.rfind(kErase));
    EXPECT_THAT(end, HasSubstr("0 delivered, 3 dropped, 0 lost sight\r\n  of\r\n"));
    EXPECT_TRUE(end.ends_with("\r\n"));
    EXPECT_THAT(end, Not(HasSubstr("\033[K"))) << "no more of the view behind the last words";
    EXPECT_THAT(drawn, Not(HasSubstr("\033[?"))) << "no mode to be restored";
}

TEST_F(PathLiveView, EndsWithItsTerminal) {
    OnTerminal path(router(), arguments());
    ASSERT_TRUE(path.wait_for("waiting for packets")) << path.drawn();
    path.hang_up();
    EXPECT_TRUE(path.exits());
}

TEST_F(PathLiveView, PrintsPlainLinesIntoAPipe) {
    std::vector<std::string> argv = arguments();
    argv.insert(argv.begin(), {built_program(), "path"});
    Child path = require(router().spawn(argv));
    ASSERT_TRUE(path.wait_for_output("following", 30s)) << path.err();
    send(3);
    EXPECT_TRUE(path.wait_for_output("DROPPED at forward", 30s)) << path.out();
    const CommandOutput output = path.stop(30s);
    EXPECT_EQ(output.status, 0);
    EXPECT_THAT(output.out, HasSubstr("3 dropped"));
    EXPECT_THAT(output.out, Not(HasSubstr("\033")));
    EXPECT_THAT(output.out, Not(HasSubstr("waiting for packets")));
}

}  // namespace
}  // namespace flowstamp::lab
