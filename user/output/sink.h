// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "user/base/fd.h"
#include "user/base/result.h"

namespace flowstamp::output {

/// Where a report goes: a file, a pipe or a terminal. Unbuffered unless hold() was called: each write
/// is out when it returns.
/// After the first failure nothing more is written, and health() keeps saying why. A pipe whose
/// reader has gone is such a failure only where SIGPIPE is ignored; else it ends the process.
class Output {
  public:
    /// Not closed at the end.
    [[nodiscard]] static Output standard_output();
    /// Creates the file, or empties it.
    [[nodiscard]] static Result<Output> file(const std::string& path);

    void write(std::string_view text);
    /// From now on what is written is gathered; release() writes it, all at once.
    void hold() { is_held_ = true; }
    void release();

    [[nodiscard]] const Status& health() const { return health_; }
    /// Whether the reader of a pipe has gone: no failure, but the end.
    [[nodiscard]] bool reader_has_gone() const;
    [[nodiscard]] bool is_terminal() const;

    /// A terminal's, as it is now; 80 columns and 24 rows where it does not tell.
    struct Size {
        std::size_t columns;
        std::size_t rows;
    };
    [[nodiscard]] Size size() const;
    /// Whether a shell gives this terminal to another job just now.
    [[nodiscard]] bool is_background() const;

  private:
    Output(Fd owned, int fd, std::string name)
        : owned_(std::move(owned)), fd_(fd), name_(std::move(name)) {}

    Fd owned_;
    int fd_;
    std::string name_;
    Status health_;
    bool is_held_ = false;
    std::string held_;
};

}  // namespace flowstamp::output
