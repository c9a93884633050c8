// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "user/net/capture/capture_reader.h"

namespace flowstamp::net {

/// Whether frames of this link type (LINKTYPE_*) can be replayed.
[[nodiscard]] bool knows_link_type(std::uint32_t link_type);

/// "127 (IEEE802_11_RADIO)".
[[nodiscard]] std::string link_type_text(std::uint32_t link_type);

/// Brings frames of every known link type into the one shape that both homes of the data path take:
/// Ethernet, at most FST_SNAP_BYTES of it. Where the link is no Ethernet, the header is made up, and
/// its addresses are zeros.
class FrameShaper {
  public:
    /// The frame as the data path is to have it; empty where not even the link header is there.
    /// Stands until the next call.
    ///
    /// An IP length of 0 (a packet that the network card was yet to cut up) is set from the frame's
    /// length on the wire; one past 65535 becomes 65535.
    [[nodiscard]] std::span<std::uint8_t> shape(const CapturedFrame& frame);

  private:
    static constexpr std::size_t kSnapBytes = 256;
    std::array<std::uint8_t, kSnapBytes> bytes_{};
};

}  // namespace flowstamp::net
