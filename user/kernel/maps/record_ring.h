// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "user/base/clock.h"
#include "user/base/result.h"

namespace flowstamp::kernel {

/// A kernel's ring buffer, read record by record: what the readers of its kinds have in common.
class RecordRing {
  public:
    /// Takes a record; false if it is none that this program knows.
    using Handler = std::function<bool(const void* data, std::size_t bytes)>;

    /// `name` stands in errors. Does not keep the descriptor `ring_fd`.
    [[nodiscard]] static Result<RecordRing> open(int ring_fd, std::string name, Handler handler);

    RecordRing(RecordRing&&) noexcept;
    RecordRing& operator=(RecordRing&&) noexcept;
    ~RecordRing();

    /// Hands over what is there; if nothing is, waits for a wake-up or for `timeout`, and hands over
    /// what has come by then. Returns the records seen. A signal ends the wait early, and is no
    /// error.
    [[nodiscard]] Result<std::uint64_t> poll(Nanoseconds timeout);
    /// Hands over what is there, without waiting; not what comes meanwhile: where records come faster
    /// than they are taken, that would never end.
    [[nodiscard]] Result<std::uint64_t> consume();

    /// Records that were not known.
    [[nodiscard]] std::uint64_t rejected() const;
    /// Readable when the kernel woke us.
    [[nodiscard]] int epoll_fd() const;

  private:
    struct Ring;
    explicit RecordRing(std::unique_ptr<Ring> ring);
    std::unique_ptr<Ring> ring_;
};

}  // namespace flowstamp::kernel
