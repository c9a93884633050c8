// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <unistd.h>

#include <utility>

namespace flowstamp {

/// Sole owner of a file descriptor; closes it on destruction. Empty when default-constructed.
class Fd {
  public:
    Fd() = default;
    /// Takes ownership of `fd`; a negative one (a failed open) makes an empty Fd.
    explicit Fd(int fd) noexcept : fd_(fd < 0 ? kNone : fd) {}
    Fd(Fd&& other) noexcept : fd_(other.release()) {}
    Fd& operator=(Fd&& other) noexcept {
        reset(other.release());
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { reset(); }

    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ != kNone; }

    /// Gives up ownership; the Fd is empty afterwards.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, kNone); }

    /// Closes the current descriptor and owns `fd` instead.
    void reset(int fd = kNone) noexcept {
        const int old = std::exchange(fd_, fd < 0 ? kNone : fd);
        if (old != kNone && old != fd_) {
            ::close(old);
        }
    }

  private:
    static constexpr int kNone = -1;
    int fd_ = kNone;
};

}  // namespace flowstamp
