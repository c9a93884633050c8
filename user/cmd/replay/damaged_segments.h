// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>

#include "flowstamp/packet.h"

namespace flowstamp::cmd {

/// TCP segments of a capture whose checksum is wrong: their receiver's stack discards them, so
/// nothing may be judged by them. Allowed for: segments that are not whole in the capture, a
/// sending machine's own (offload: the network card would have filled the checksum in), and a
/// sender most of whose checksums are wrong (anonymised or edited captures).
class DamagedSegments {
  public:
    /// Whether the segment is damaged. `frame`: what the capture has of it, from the link header
    /// on.
    [[nodiscard]] bool is_damaged(const fst_packet& packet, std::span<const std::uint8_t> frame);

  private:
    /// So many right ones show that a sender's checksums mean something.
    static constexpr unsigned kEnough = 3;
    /// Of so many checksums at most one is wrong, where wrong ones are damage.
    static constexpr unsigned kShare = 10;
    static constexpr std::size_t kMost = 65536;
    struct Sender {
        unsigned right = 0;
        unsigned wrong = 0;
    };
    std::map<std::array<std::uint32_t, 4>, Sender> senders_;  ///< by address
};

}  // namespace flowstamp::cmd
