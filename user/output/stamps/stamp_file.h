// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "user/base/fd.h"
#include "user/base/result.h"

namespace flowstamp::output {

/// A file, or a named pipe, that much is written to: gathered in memory of fixed size, written when
/// that is full or flush() is called. After the first failure nothing more is written, and health()
/// keeps saying why.
class StampFile {
  public:
    /// Creates the file, or empties it. A named pipe must have its reader already: nothing waits here.
    [[nodiscard]] static Result<StampFile> create(const std::string& path);

    /// Room for `bytes`, at most kBufferBytes, to be written to; append() then takes what was used.
    [[nodiscard]] std::span<char> room(std::size_t bytes);
    void append(std::size_t bytes) { used_ += bytes; }
    void flush();

    /// From now on, may be called by another thread: a pipe whose reader does not read is waited for
    /// no longer than a second.
    void hurry() { *is_hurried_ = true; }

    [[nodiscard]] const Status& health() const { return health_; }
    [[nodiscard]] const std::string& name() const { return name_; }

    static constexpr std::size_t kBufferBytes = 256UL << 10;

  private:
    StampFile(Fd fd, std::string name);
    [[nodiscard]] bool wait_for_room();

    Fd fd_;
    std::string name_;
    std::vector<char> buffer_;
    std::size_t used_ = 0;
    std::unique_ptr<std::atomic<bool>> is_hurried_ = std::make_unique<std::atomic<bool>>(false);
    Status health_;
};

}  // namespace flowstamp::output
