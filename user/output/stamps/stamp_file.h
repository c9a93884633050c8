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

/// A file or named pipe for many small writes: buffered in fixed-size memory, written when that is
/// full or flush() is called. After the first failure nothing more is written, and health() keeps
/// that error.
class StampFile {
  public:
    /// Creates or truncates the file. A named pipe must already have a reader: this does not wait.
    [[nodiscard]] static Result<StampFile> create(const std::string& path);

    /// Buffer space for `bytes`, at most kBufferBytes; append() then commits what was used.
    [[nodiscard]] std::span<char> room(std::size_t bytes);
    void append(std::size_t bytes) { used_ += bytes; }
    void flush();

    /// From now on a write waits at most a second for a pipe's reader. May be called by another
    /// thread.
    void hurry() { *is_hurried_ = true; }

    [[nodiscard]] const Status& health() const { return health_; }
    [[nodiscard]] const std::string& name() const { return name_; }

    /// Larger writes gain little, and a file system that allocates memory by the size of a write
    /// does not always find larger pieces cheaply (docs/performance.md).
    static constexpr std::size_t kBufferBytes = 32UL << 10;

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
