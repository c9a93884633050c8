// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/netns/on_terminal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "tests/netns/lab_fixture.h"

namespace flowstamp::lab {

OnTerminal::OnTerminal(const Namespace& host, std::vector<std::string> arguments,
                       const std::string& term) {
    const winsize size{.ws_row = 30, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0};
    const std::string path = built_program();
    arguments.insert(arguments.begin(), path);
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
            ::setenv("TERM", term.c_str(), 1);
            ::unsetenv("NO_COLOR");
            ::execv(path.c_str(), argv.data());
            ::_exit(126);
        }
        terminal_.reset(terminal);
        return pid;
    });
    ::tcgetattr(terminal_.get(), &before_);
}

OnTerminal::~OnTerminal() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
}

bool OnTerminal::wait_for(const std::string& text, std::chrono::milliseconds timeout) {
    std::size_t found = drawn_.find(text, seen_);
    while (found == std::string::npos && read_more(timeout)) {
        found = drawn_.find(text, seen_);
    }
    seen_ = found == std::string::npos ? seen_ : found + text.size();
    return found != std::string::npos;
}

void OnTerminal::press(char key) {
    EXPECT_EQ(::write(terminal_.get(), &key, 1), 1);
}

void OnTerminal::resize(unsigned short columns, unsigned short rows) {
    const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    EXPECT_EQ(::ioctl(terminal_.get(), TIOCSWINSZ, &size), 0);
}

void OnTerminal::stop_output() {
    std::array<char, 64> name{};
    ASSERT_EQ(::ptsname_r(terminal_.get(), name.data(), name.size()), 0);
    const Fd program_side(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_EQ(::tcflow(program_side.get(), TCOOFF), 0);
}

void OnTerminal::signal(int number) const {
    ::kill(pid_, number);
}

bool OnTerminal::exits() {
    int status = 0;
    return ::waitpid(std::exchange(pid_, -1), &status, 0) > 0 && WIFEXITED(status);
}

int OnTerminal::wait() {
    while (read_more(30s)) {
    }
    termios now{};
    ::tcgetattr(terminal_.get(), &now);
    EXPECT_EQ(now.c_iflag, before_.c_iflag);
    EXPECT_EQ(now.c_oflag, before_.c_oflag);
    EXPECT_EQ(now.c_lflag, before_.c_lflag) << "the terminal's modes are as they were";
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool OnTerminal::read_more(std::chrono::milliseconds timeout) {
    pollfd readable{.fd = terminal_.get(), .events = POLLIN, .revents = 0};
    std::array<char, 4096> buffer{};
    const ssize_t got = ::poll(&readable, 1, static_cast<int>(timeout.count())) > 0
                            ? ::read(terminal_.get(), buffer.data(), buffer.size())
                            : 0;
    drawn_.append(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return got > 0;
}

}  // namespace flowstamp::lab
