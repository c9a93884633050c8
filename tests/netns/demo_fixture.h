// SPDX-License-Identifier: Apache-2.0
//
// The demo as a user runs it, for tests: the built program, played to its end, and that nothing is
// left behind.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "user/lab/command.h"

namespace flowstamp {

/// At most for a story: several times what it takes on an idle machine.
inline constexpr std::chrono::seconds kStory{100};

/// The program, built beside these tests.
std::string program();

/// What a demo with this process id may leave: its namespaces, and processes that name it.
std::vector<std::string> stale_state_of(pid_t pid);

/// That it is plain text for a pipe, of lines that are not too wide.
void expect_plain(const std::string& text);

/// Skips without root.
class DemoTest : public ::testing::Test {
  protected:
    void SetUp() override;

    static lab::Child start(std::vector<std::string> arguments);
    /// Plays it to its end, and sees to it that nothing remains.
    lab::CommandOutput play(std::vector<std::string> arguments);
    void expect_nothing_left(pid_t pid) const;

  private:
    std::size_t stale_before_ = 0;
};

}  // namespace flowstamp
