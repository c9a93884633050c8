// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "tests/support/checksum.h"

namespace flowstamp::testing {

/// Appends big-endian fields.
class ByteWriter {
  public:
    ByteWriter& u8(std::uint64_t value) {
        bytes_.push_back(static_cast<std::uint8_t>(value));
        return *this;
    }
    ByteWriter& u16(std::uint64_t value) { return u8(value >> 8).u8(value); }
    ByteWriter& u32(std::uint64_t value) { return u16(value >> 16).u16(value); }
    ByteWriter& raw(std::span<const std::uint8_t> data) {
        bytes_.insert(bytes_.end(), data.begin(), data.end());
        return *this;
    }
    /// Zeros up to the next multiple of `unit` bytes.
    ByteWriter& pad_to(std::size_t unit) {
        while (bytes_.size() % unit != 0)
            bytes_.push_back(0);
        return *this;
    }
    /// Overwrites the 16-bit field at `offset`.
    ByteWriter& set_u16(std::size_t offset, std::uint16_t value) {
        bytes_.at(offset) = static_cast<std::uint8_t>(value >> 8);
        bytes_.at(offset + 1) = static_cast<std::uint8_t>(value);
        return *this;
    }
    std::size_t size() const { return bytes_.size(); }
    const Bytes& bytes() const { return bytes_; }
    Bytes take() { return std::move(bytes_); }

  private:
    Bytes bytes_;
};

}  // namespace flowstamp::testing
