// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <sys/types.h>
#include <termios.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "user/base/fd.h"
#include "user/lab/namespace.h"

namespace flowstamp::lab {

/// The program on a pseudo terminal of 100 columns and 30 rows, as a shell on `host` would start it.
class OnTerminal {
  public:
    OnTerminal(const Namespace& host, std::vector<std::string> arguments,
               const std::string& term = "xterm");
    OnTerminal(const OnTerminal&) = delete;
    OnTerminal& operator=(const OnTerminal&) = delete;
    ~OnTerminal();

    /// Reads until `text` has been written after what was read when the last call returned.
    /// False if it is not within `timeout` of what was written last.
    bool wait_for(const std::string& text,
                  std::chrono::milliseconds timeout = std::chrono::seconds(30));
    void press(char key);
    void resize(unsigned short columns, unsigned short rows);
    /// The terminal takes no output any more, as after Ctrl-S.
    void stop_output();
    /// Closes the terminal, as when the window is closed or the connection is lost.
    void hang_up() { terminal_.reset(); }
    void signal(int number) const;
    /// Waits for the end; returns whether it exited by itself.
    bool exits();
    /// Reads to the end, and compares the terminal's modes with those at the start; returns the exit
    /// status.
    int wait();
    [[nodiscard]] const std::string& drawn() const { return drawn_; }

  private:
    bool read_more(std::chrono::milliseconds timeout);

    Fd terminal_;
    pid_t pid_ = -1;
    termios before_{};
    std::string drawn_;
    std::size_t seen_ = 0;  ///< bytes of drawn_, by wait_for()
};

}  // namespace flowstamp::lab
