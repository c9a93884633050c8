// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "user/base/clock.h"
#include "user/base/fd.h"
#include "user/base/result.h"

namespace flowstamp::kernel {

/// A mapped BPF ring buffer whose records are used where they are: a record stays in the ring from
/// next() until release(). libbpf's reader, which RecordRing uses, frees a record as soon as its
/// callback returns. One reader a ring.
class StampRing {
  public:
    using Record = std::span<const std::byte>;

    /// Does not keep the descriptor `ring_fd`.
    [[nodiscard]] static Result<StampRing> map(int ring_fd);

    StampRing(StampRing&& other) noexcept;
    StampRing& operator=(StampRing&& other) noexcept;
    StampRing(const StampRing&) = delete;
    StampRing& operator=(const StampRing&) = delete;
    ~StampRing();

    /// End of what has been written so far: a position for next().
    [[nodiscard]] std::uint64_t end() const;
    /// The record after the one that was read last, if it is complete and begins before `end`.
    [[nodiscard]] std::optional<Record> next(std::uint64_t end);
    /// Frees the `count` earliest records; they have been read.
    void release(std::size_t count);

    /// Waits for a wake-up since the last call, at most `timeout`. Returns whether there was one;
    /// records may be there without. A signal ends the wait early, without an error.
    [[nodiscard]] Result<bool> wait(Nanoseconds timeout);

  private:
    StampRing() = default;
    [[nodiscard]] const std::uint32_t& length_at(std::uint64_t position) const;

    Fd wake_ups_;
    std::uint64_t* consumer_ = nullptr;        ///< first position in use, written by the reader
    const std::uint64_t* producer_ = nullptr;  ///< end position, written by the kernel
    const std::byte* data_ = nullptr;          ///< mapped twice in a row: a record is never split
    std::size_t bytes_ = 0;                    ///< size of the ring, a power of two
    std::uint64_t read_ = 0;                   ///< end of the record that was read last
};

}  // namespace flowstamp::kernel
