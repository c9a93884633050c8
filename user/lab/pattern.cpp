// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/pattern.h"

namespace flowstamp::lab {

std::uint8_t Pattern::at(std::uint64_t offset) const {
    // The finalizer of splitmix64, applied to the index of the eight-byte word.
    std::uint64_t word = seed_ + (offset / 8 + 1) * 0x9e3779b97f4a7c15u;
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9u;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebu;
    word ^= word >> 31;
    return static_cast<std::uint8_t>(word >> (offset % 8 * 8));
}

void Pattern::fill(std::uint64_t offset, std::span<std::uint8_t> out) const {
    for (std::uint8_t& byte : out) {
        byte = at(offset++);
    }
}

std::optional<std::size_t> Pattern::mismatch(std::uint64_t offset,
                                             std::span<const std::uint8_t> bytes) const {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (bytes[i] != at(offset + i)) {
            return i;
        }
    }
    return std::nullopt;
}

}  // namespace flowstamp::lab
