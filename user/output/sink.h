// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "user/base/clock.h"
#include "user/base/fd.h"
#include "user/base/nonblocking_fd.h"
#include "user/base/result.h"

namespace flowstamp::output {

/// Destination of a report: a file, a pipe or a terminal. Unbuffered, unless hold() was called.
/// After the first failure nothing more is written, and health() keeps that error, unless outlive()
/// was called. A pipe closed by its reader is such a failure only if SIGPIPE is ignored; otherwise
/// the signal ends the process.
class Output {
  public:
    /// Does not close the descriptor.
    [[nodiscard]] static Output standard_output();
    /// Creates or truncates the file; "unix:PATH" is the socket that somebody reads there.
    [[nodiscard]] static Result<Output> file(const std::string& path);
    /// Appends to the file, or, if it is called "journal", to the system's: an entry a line.
    [[nodiscard]] static Result<Output> log(const std::string& name);

    void write(std::string_view text);
    /// Buffers everything written from now on; release() writes it at once.
    void hold() { is_held_ = true; }
    void release();
    /// Ends hold(), and returns what was to be written.
    [[nodiscard]] std::string take_held();

    /// From now on no write waits, and no failure is the last word: what is not taken at once is
    /// kept for retry(). health() is that of the latest try.
    void outlive();
    /// After outlive(): from now on writes where `other` would have written; what is kept, too, from
    /// the beginning of the line that was cut.
    void move_to(Output other);
    /// Whether little enough is kept to write more.
    [[nodiscard]] bool has_room() const { return kept_.size() < kKeptBytes; }
    /// Writes what is kept, as far as it is taken now.
    void retry();
    /// retry() until nothing is kept, a failure, or the end of `most`.
    void drain(const Clock& clock, Nanoseconds most);
    [[nodiscard]] std::size_t kept_bytes() const { return kept_.size() - sent_; }
    static constexpr std::size_t kKeptBytes = 1UL << 20;

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] const Status& health() const { return health_; }
    /// Whether the reader has closed the pipe: the end of the run rather than a failure. A socket's
    /// reader may come back.
    [[nodiscard]] bool reader_has_gone() const;
    /// Whether it is "unix:PATH": to be connected again after a failure, by move_to().
    [[nodiscard]] bool is_socket() const { return is_socket_; }
    [[nodiscard]] bool is_terminal() const;

    /// The terminal's current size; 80 columns and 24 rows if unknown.
    struct Size {
        std::size_t columns;
        std::size_t rows;
    };
    [[nodiscard]] Size size() const;
    /// Whether another process group is in the foreground of this terminal.
    [[nodiscard]] bool is_background() const;

  private:
    Output(Fd owned, int fd, std::string name)
        : owned_(std::move(owned)), fd_(fd), name_(std::move(name)) {}

    /// Writes to a socket, waiting for its reader.
    [[nodiscard]] ssize_t send(std::string_view text) const;
    /// What may be written at once: of datagrams, one line each.
    [[nodiscard]] std::string_view portion(std::string_view text) const;

    Fd owned_;
    int fd_;
    std::string name_;
    bool is_socket_ = false;
    bool is_datagram_ = false;
    Status health_;
    bool is_held_ = false;
    std::string held_;
    std::optional<NonblockingFd> unwaited_;  ///< after outlive()
    std::string kept_;                       ///< from the beginning of a line
    std::size_t sent_ = 0;                   ///< bytes of it that were taken
};

}  // namespace flowstamp::output
