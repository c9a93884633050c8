// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "tests/support/checksum.h"

namespace flowstamp::testing {

struct EndOfOptions {};
struct Nop {};
struct Mss {
    std::uint16_t bytes = 1460;
};
struct WindowScale {
    std::uint8_t shift = 7;
};
struct SackPermitted {};
/// Blocks of left and right edge (RFC 2018).
struct Sack {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> blocks{};
};
/// RFC 7323: TSval and TSecr, in the sender's ticks.
struct Timestamps {
    std::uint32_t val = 0;
    std::uint32_t ecr = 0;
};
/// Any other kind, or a malformed one: `length` is the length byte, if not the correct one.
struct RawOption {
    std::uint8_t kind = 254;
    Bytes data{};
    std::optional<std::uint8_t> length{};
};

/// Any of them, as it stands in a header.
class TcpOption {
  public:
    TcpOption(EndOfOptions);
    TcpOption(Nop);
    TcpOption(Mss);
    TcpOption(WindowScale);
    TcpOption(SackPermitted);
    TcpOption(const Sack&);
    TcpOption(Timestamps);
    TcpOption(const RawOption&);

    [[nodiscard]] std::span<const std::uint8_t> bytes() const { return bytes_; }

  private:
    Bytes bytes_;
};

/// Two NOPs and the timestamps: Linux's layout outside of SYNs.
std::vector<TcpOption> nop_nop_timestamps(std::uint32_t val, std::uint32_t ecr);

/// MSS, SACK permitted, timestamps, NOP, window scale: the order in a Linux SYN.
std::vector<TcpOption> linux_syn_options(std::uint32_t val, std::uint32_t ecr = 0,
                                         std::uint16_t mss = 1460, std::uint8_t shift = 7);

/// The options as in a header, padded with zeros to a multiple of 4 bytes.
Bytes encode(std::span<const TcpOption> options);

}  // namespace flowstamp::testing
