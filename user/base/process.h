// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Child processes: run to completion within a timeout, or kept running until stopped.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "user/base/fd.h"
#include "user/base/result.h"

namespace flowstamp {

using Argv = std::vector<std::string>;

/// Outcome of a program.
struct CommandOutput {
    int status = 0;  ///< exit status; 128 + n if signal n ended it
    std::string out{};
    std::string err{};
};

/// A running program. The destructor kills it and its process group (SIGKILL), and waits for it.
class Child {
  public:
    /// Starts `argv` (searched in PATH) in the calling thread's network namespace and in a process
    /// group of its own, with `input` as standard input.
    static Result<Child> start(const Argv& argv, const std::string& input = {});

    Child(Child&&) noexcept;
    Child& operator=(Child&&) noexcept;
    ~Child();

    pid_t pid() const { return pid_; }
    /// Standard output so far.
    std::string out() const;
    std::string err() const;
    /// Standard output since the last call; out() no longer contains it. For long-running
    /// programs, whose in-memory file would otherwise grow.
    std::string drain_out();
    void signal(int number) const;  ///< sent to the whole process group
    /// Waits for the program to end; nothing if it is still running after `timeout`.
    std::optional<CommandOutput> wait(std::chrono::milliseconds timeout);
    /// Sends SIGINT, then SIGKILL if it has not ended within `timeout`.
    CommandOutput stop(std::chrono::milliseconds timeout = std::chrono::seconds(2));
    /// Waits until `text` appears in standard output or standard error.
    bool wait_for_output(const std::string& text, std::chrono::milliseconds timeout) const;

  private:
    Child(pid_t pid, Fd pidfd, Fd out, Fd err);
    CommandOutput reap();

    pid_t pid_ = -1;  ///< -1 once reaped
    Fd pidfd_;
    off_t drained_ = 0;  ///< bytes of out_ already returned by drain_out()
    Fd out_;             ///< in-memory files: the program never blocks on a full pipe
    Fd err_;
};

/// Runs `argv` to completion. Fails if it cannot be started or takes longer than `timeout`; the
/// exit status is left to the caller.
Result<CommandOutput> run_command(const Argv& argv, const std::string& input = {},
                                  std::chrono::milliseconds timeout = std::chrono::seconds(10));

/// The same, but an exit status other than 0 is an error that quotes the program's output.
Status require_command(const Argv& argv, const std::string& input = {});

}  // namespace flowstamp
