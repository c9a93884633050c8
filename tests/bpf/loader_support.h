// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "user/base/result.h"
#include "user/kernel/attach/probe.h"

namespace flowstamp::testing {

/// The value, or ends the test with the error's text.
template <class T>
T require(Result<T> result) {
    if (!result) {
        throw std::runtime_error(result.error().message());
    }
    return std::move(*result);
}

inline kernel::LoadedProbe load(const kernel::ProbeOptions& options) {
    return require(require(kernel::OpenProbe::open(options)).load());
}

/// Skips without root.
class RootTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) {
            GTEST_SKIP() << "needs root";
        }
    }
};

/// The result of `work`, called in a child process, which may give up privileges.
template <class Work>
std::string in_child(Work work) {
    int pipe[2];
    if (::pipe(pipe) != 0) {
        throw std::runtime_error("pipe");
    }
    const pid_t child = ::fork();
    if (child == 0) {
        const std::string text = work();
        _exit(::write(pipe[1], text.data(), text.size()) == ssize_t(text.size()) ? 0 : 1);
    }
    ::close(pipe[1]);
    std::string text(4096, '\0');
    const ssize_t got = ::read(pipe[0], text.data(), text.size());
    ::close(pipe[0]);
    ::waitpid(child, nullptr, 0);
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return text;
}

}  // namespace flowstamp::testing
