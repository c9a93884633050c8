// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Runs the demo as a user would: the built program, to its end. Checks that nothing is left behind.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "user/base/process.h"

namespace flowstamp {

/// Timeout of a scenario: several times what it takes on an idle machine.
inline constexpr std::chrono::seconds kScenarioTimeout{100};

/// The program, built beside these tests.
std::string program();

/// What a demo with this process id may leave behind: its namespaces, and processes that refer to
/// it.
std::vector<std::string> stale_state_of(pid_t pid);

/// Checks that it is plain text for a pipe, with lines that are not too wide.
void expect_plain(const std::string& text);

/// Skips without root.
class DemoTest : public ::testing::Test {
  protected:
    void SetUp() override;

    static Child start(std::vector<std::string> arguments);
    /// Runs it to its end, and checks that nothing is left behind.
    CommandOutput run(std::vector<std::string> arguments);
    void expect_nothing_left(pid_t pid) const;

  private:
    std::size_t stale_before_ = 0;
};

}  // namespace flowstamp
