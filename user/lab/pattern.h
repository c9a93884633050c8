// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The content of a download: any part of it follows from the seed and the offset, so both ends know
// every byte without storing any.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace flowstamp::lab {

class Pattern {
  public:
    explicit Pattern(std::uint64_t seed) : seed_(seed) {}

    /// Writes the stream's bytes from `offset` on.
    void fill(std::uint64_t offset, std::span<std::uint8_t> out) const;
    /// Index of the first of `bytes`, received at `offset`, that differs from the stream.
    std::optional<std::size_t> mismatch(std::uint64_t offset,
                                        std::span<const std::uint8_t> bytes) const;

  private:
    std::uint8_t at(std::uint64_t offset) const;

    std::uint64_t seed_;
};

}  // namespace flowstamp::lab
