// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/support/checksum.h"

#include <cstddef>

namespace flowstamp::testing {
namespace {

std::uint16_t fold(std::uint64_t sum) {
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(sum);
}

}  // namespace

std::uint16_t ones_sum(std::span<const std::uint8_t> data, std::uint16_t start) {
    std::uint64_t sum = start;
    for (std::size_t i = 0; i < data.size(); ++i) {
        sum += i % 2 == 0 ? std::uint64_t{data[i]} << 8 : data[i];
    }
    return fold(sum);
}

std::uint16_t internet_checksum(std::span<const std::uint8_t> data, std::uint16_t start) {
    return static_cast<std::uint16_t>(~ones_sum(data, start));
}

std::uint16_t pseudo_header_sum(std::span<const std::uint8_t> source,
                                std::span<const std::uint8_t> destination, std::uint8_t protocol,
                                std::size_t length) {
    const std::uint64_t sum = std::uint64_t{ones_sum(source)} + ones_sum(destination) + protocol +
                              (length >> 16) + (length & 0xffff);
    return fold(sum);
}

}  // namespace flowstamp::testing
