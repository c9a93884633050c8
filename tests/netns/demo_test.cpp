// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The demo as a user runs it: the built program, its scenarios, its exit status, and that nothing
// is left behind however it ends.
#include "user/cmd/demo/demo.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "tests/netns/demo_fixture.h"
#include "user/base/process.h"

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class Demo : public DemoTest {
  protected:
    /// Starts the main scenario, and waits until it is in the middle of its first step.
    static Child start_and_reach_the_middle() {
        Child child = start({});
        EXPECT_TRUE(child.wait_for_output("reset #1", 60s)) << child.out() << child.err();
        EXPECT_FALSE(stale_state_of(child.pid()).empty()) << "there is something to clean up";
        return child;
    }
};

TEST_F(Demo, MainScenarioEndsAsExpected) {
    const CommandOutput output = run({});
    EXPECT_EQ(output.status, 0) << output.out << output.err;
    EXPECT_EQ(output.err, "");
    expect_plain(output.out);
    EXPECT_THAT(output.out,
                ContainsRegex("broke off after .*ECONNRESET.*: 3,[0-9,]* of 8,000,000"));
    EXPECT_THAT(output.out, ContainsRegex("nearer +ttl 63 \\(1 hop\\) +ttl 61 \\(3 hops\\)"));
    EXPECT_THAT(output.out, HasSubstr("the reset: 1 hop\n"));
    EXPECT_THAT(output.out, HasSubstr("the server's data: 3 hops\n"));
    EXPECT_THAT(output.out,
                HasSubstr("54 bytes each, with the Ethernet header; 0 of them differ."));
    EXPECT_THAT(output.out,
                ContainsRegex("\n1  watch +[1-3] RST\\+ACK +reset at 3\\.[0-9]/8\\.0 MB +confirmed "
                              "+([1-3] )?observed +-\n"));
    EXPECT_THAT(output.out,
                ContainsRegex("\n2  --drop confirmed +3 RST\\+ACK +complete, 8\\.0 MB +confirmed "
                              "+[1-3] challenged(, [12] dropped)? +.*refuted\n"));
    EXPECT_THAT(output.out, ContainsRegex("\n3a watch +[1-3] bare RST +reset at [3-7]\\.[0-9]/8"));
    EXPECT_THAT(output.out, ContainsRegex("\n3b --challenge all +3 bare RST +complete, 8\\.0 MB "
                                          "+confirmed +3 challenged +.*refuted"));
}

TEST_F(Demo, BothEndsResetReportsWhatOneSideCannotDo) {
    const CommandOutput output = run({"forged-rst-both"});
    EXPECT_EQ(output.status, 0) << output.out << output.err;
    expect_plain(output.out);
    EXPECT_THAT(output.out, ContainsRegex("The server's end: (ECONNRESET|reset before)"));
    EXPECT_THAT(output.out, HasSubstr("the far end was lost, too"));
    EXPECT_THAT(output.out,
                ContainsRegex("\nboth ends reset +1\\+1 RST\\+ACK +reset at 0\\.0/8\\.0 MB"));
}

TEST_F(Demo, BothEndsTogetherProveWhatNeitherCanAlone) {
    const CommandOutput output = run({"both-ends"});
    EXPECT_EQ(output.status, 0) << output.out << output.err;
    expect_plain(output.out);
    EXPECT_THAT(output.out, ContainsRegex("proven forged reset +203\\.0\\.113\\.2:80 > 198"));
    EXPECT_THAT(output.out, ContainsRegex("proven forged reset +198\\.51\\.100\\.2:[0-9]+ > 203"));
    EXPECT_THAT(output.out, HasSubstr("alone: genuine, genuine; together: 2 proven forged"));
}

TEST_F(Demo, GenuineResetsReachTheApplication) {
    const CommandOutput output = run({"genuine"});
    EXPECT_EQ(output.status, 0) << output.out << output.err;
    expect_plain(output.out);
    for (const char* row : {"unread data", "abort \\(linger 0\\)", "vanished socket"}) {
        EXPECT_THAT(output.out, ContainsRegex(std::string("\n") + row +
                                              " +none +reset at 1\\.0/2\\.0 MB +genuine"));
    }
    EXPECT_THAT(output.out, ContainsRegex("\nclosed port +none +refused +genuine +observed"));
    // The closed port is a refused connection, and the vanished socket leaves one half-open;
    // nothing else is found.
    EXPECT_THAT(output.out, HasSubstr("confirmed syn-refused"));
    EXPECT_THAT(output.out, HasSubstr("suspected half-open"));
    EXPECT_THAT(
        output.out,
        Not(ContainsRegex("(confirmed|suspected) (forged|stalled|[a-gi-rt-z][a-z]*-[a-z]+)")));
    EXPECT_THAT(output.out, Not(HasSubstr("syn-unanswered")));
}

TEST_F(Demo, CtrlCInTheMiddle) {
    for (const int signal : {SIGINT, SIGTERM}) {
        Child child = start_and_reach_the_middle();
        const pid_t pid = child.pid();
        child.signal(signal);
        const auto output = child.wait(15s);
        ASSERT_TRUE(output) << "still running";
        EXPECT_EQ(output->status, 1);
        EXPECT_EQ(output->err, "flowstamp: demo: interrupted; the lab has been removed\n");
        EXPECT_THAT(output->out, Not(HasSubstr("What happened")));
        EXPECT_THAT(stale_state_of(pid), IsEmpty()) << "removed before it ends";
        expect_nothing_left(pid);
    }
}

TEST_F(Demo, KilledInTheMiddle) {
    Child child = start_and_reach_the_middle();
    const pid_t pid = child.pid();
    child.signal(SIGKILL);
    ASSERT_TRUE(child.wait(5s));
    expect_nothing_left(pid);
}

TEST_F(Demo, EndsWhenTheReaderCloses) {
    const auto output = run_command(
        {"sh", "-c", "{ \"$0\" demo; echo $? >&2; } | head -n 3", program()}, {}, kScenarioTimeout);
    ASSERT_TRUE(output);
    EXPECT_THAT(output->out, StartsWith("flowstamp demo: forged-rst\n"));
    EXPECT_EQ(output->err, "0\n") << "a closed reader is no error";
}

/// Runs the demo on a pseudo terminal, and returns its output.
std::string on_a_terminal(const char* no_color) {
    const std::string path = program();
    int terminal = -1;
    winsize size{.ws_row = 50, .ws_col = 90, .ws_xpixel = 0, .ws_ypixel = 0};
    const pid_t pid = forkpty(&terminal, nullptr, nullptr, &size);
    if (pid == 0) {
        setenv("NO_COLOR", no_color, 1);
        execl(path.c_str(), path.c_str(), "demo", "forged-rst-both", nullptr);
        _exit(126);
    }
    std::string text;
    char buffer[4096];
    pollfd readable{.fd = terminal, .events = POLLIN, .revents = 0};
    while (poll(&readable, 1, 60'000) > 0) {
        const ssize_t got = read(terminal, buffer, sizeof(buffer));
        if (got <= 0) {
            break;  // EIO: the demo has ended
        }
        text.append(buffer, static_cast<std::size_t>(got));
    }
    close(terminal);
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0) << text;
    return text;
}

TEST_F(Demo, OnATerminalItHasColourAndShowsProgress) {
    const std::string text = on_a_terminal("");
    EXPECT_THAT(text, HasSubstr("\033[1;31mconfirmed forged\033[0m")) << "watch's own colours";
    EXPECT_THAT(text, HasSubstr("\r\033[K  downloading ["));
}

TEST_F(Demo, NoColorMeansNone) {
    const std::string text = on_a_terminal("1");
    EXPECT_THAT(text, HasSubstr("confirmed forged"));
    EXPECT_THAT(text, Not(ContainsRegex("\033\\[[0-9;]*m")));
}

TEST(DemoCommand, ListsScenarios) {
    const auto output = run_command({program(), "demo", "--list"});
    ASSERT_TRUE(output);
    EXPECT_EQ(output->status, 0);
    for (const char* name : {"forged-rst ", "forged-rst-both ", "genuine "}) {
        EXPECT_THAT("\n" + output->out, HasSubstr(std::string("\n") + name));
    }
    expect_plain(output->out);
}

TEST(DemoCommand, RefusesAnUnknownScenario) {
    const auto output = run_command({program(), "demo", "forged-rts"});
    ASSERT_TRUE(output);
    EXPECT_EQ(output->status, 2);
    EXPECT_EQ(output->out, "");
    EXPECT_EQ(output->err,
              "flowstamp: demo: forged-rts: no such scenario; did you mean 'forged-rst'? See "
              "flowstamp demo --list\n");
}

/// Runs the demo as the user nobody, wherever the program is. Returns its exit status.
int as_nobody(std::string& output) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return -1;
    }
    const int executable = open(program().c_str(), O_PATH | O_CLOEXEC);
    const pid_t pid = fork();
    if (pid == 0) {
        constexpr uid_t kNobody = 65534;
        char* argv[] = {const_cast<char*>("flowstamp"), const_cast<char*>("demo"), nullptr};
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        if (geteuid() != 0 || (setgid(kNobody) == 0 && setuid(kNobody) == 0)) {
            fexecve(executable, argv, environ);
        }
        _exit(126);
    }
    close(ends[1]);
    char buffer[4096];
    for (ssize_t got = 0; (got = read(ends[0], buffer, sizeof(buffer))) > 0;) {
        output.append(buffer, static_cast<std::size_t>(got));
    }
    close(ends[0]);
    close(executable);
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(DemoCommand, RefusesWithoutRoot) {
    std::string output;
    EXPECT_EQ(as_nobody(output), 1);
    EXPECT_THAT(output, StartsWith("flowstamp: demo: needs root"));
    EXPECT_EQ(std::ranges::count(output, '\n'), 1) << output;
}

}  // namespace
}  // namespace flowstamp
