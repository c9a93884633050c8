// SPDX-License-Identifier: Apache-2.0
//
// Other programs: run to their end within a time, or kept running until told to stop.
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

/// How a program ended.
struct CommandOutput {
    int status = 0;  ///< its exit status; 128 + n when signal n ended it
    std::string out{};
    std::string err{};
};

/// A running program. Going out of scope kills it and its process group (SIGKILL), and waits for it.
class Child {
  public:
    /// Starts `argv` (looked up in PATH) in the network namespace of the calling thread, in a
    /// process group of its own, reading `input`.
    static Result<Child> start(const Argv& argv, const std::string& input = {});

    Child(Child&&) noexcept;
    Child& operator=(Child&&) noexcept;
    ~Child();

    pid_t pid() const { return pid_; }
    /// What it has written so far.
    std::string out() const;
    std::string err() const;
    /// What it has written to standard output since the last call, which out() then lacks: for
    /// programs that run for long, whose memory file would else grow with them.
    std::string take_out();
    void signal(int number) const;  ///< to its whole process group
    /// Waits for its end; nothing if it still runs when `timeout` is over.
    std::optional<CommandOutput> wait(std::chrono::milliseconds timeout);
    /// SIGINT, and SIGKILL if that does not end it within `timeout`.
    CommandOutput stop(std::chrono::milliseconds timeout = std::chrono::seconds(2));
    /// Waits until `text` stands in its standard output or standard error.
    bool wait_for_output(const std::string& text, std::chrono::milliseconds timeout) const;

  private:
    Child(pid_t pid, Fd pidfd, Fd out, Fd err);
    CommandOutput reap();

    pid_t pid_ = -1;  ///< -1 once reaped
    Fd pidfd_;
    off_t taken_ = 0;  ///< bytes of out_
    Fd out_;  ///< memory files: a program can write at any rate, and nobody has to drain it
    Fd err_;
};

/// Runs `argv` to its end. Fails when it cannot be started or takes longer than `timeout`; what
/// its exit status means is the caller's affair.
Result<CommandOutput> run_command(const Argv& argv, const std::string& input = {},
                                  std::chrono::milliseconds timeout = std::chrono::seconds(10));

/// The same, and an exit status other than 0 is an error that quotes the program.
Status require_command(const Argv& argv, const std::string& input = {});

}  // namespace flowstamp
