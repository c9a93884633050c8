// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "user/base/clock.h"
#include "user/base/result.h"

namespace flowstamp::kernel {

/// Reads a BPF ring buffer record by record: the common part of its readers.
class RecordRing {
  public:
    /// Handles a record; returns false if it is of an unknown kind.
    using Handler = std::function<bool(const void* data, std::size_t bytes)>;

    /// `name` is used in errors. Does not keep the descriptor `ring_fd`.
    [[nodiscard]] static Result<RecordRing> open(int ring_fd, std::string name, Handler handler);

    RecordRing(RecordRing&&) noexcept;
    RecordRing& operator=(RecordRing&&) noexcept;
    ~RecordRing();

    /// Consumes what is in the ring; if it is empty, waits for a wake-up or for `timeout`, and
    /// consumes what has arrived by then. Returns the records read. A signal ends the wait early,
    /// without an error.
    [[nodiscard]] Result<std::uint64_t> poll(Nanoseconds timeout);
    /// Consumes what is in the ring now, without waiting. Not what arrives meanwhile: if records
    /// came faster than they are consumed, that would never end.
    [[nodiscard]] Result<std::uint64_t> consume();

    /// Records of an unknown kind.
    [[nodiscard]] std::uint64_t rejected() const;
    /// Bytes of records that the latest consume() or poll() found in the ring.
    [[nodiscard]] std::size_t found_bytes() const;
    [[nodiscard]] std::size_t size_bytes() const;
    /// Readable after a wake-up by the kernel.
    [[nodiscard]] int epoll_fd() const;

  private:
    struct Ring;
    explicit RecordRing(std::unique_ptr<Ring> ring);
    std::unique_ptr<Ring> ring_;
};

}  // namespace flowstamp::kernel
