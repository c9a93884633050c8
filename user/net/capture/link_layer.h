// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "user/net/capture/capture_reader.h"

namespace flowstamp::net {

/// Whether frames of this link type (LINKTYPE_*) can be replayed.
[[nodiscard]] bool knows_link_type(std::uint32_t link_type);

[[nodiscard]] constexpr bool is_ethernet(std::uint32_t link_type) {
    return link_type == 1;  // LINKTYPE_ETHERNET
}

/// "127 (IEEE802_11_RADIO)".
[[nodiscard]] std::string link_type_text(std::uint32_t link_type);

/// Converts frames of every known link type to what the data path reads, in the kernel or on the
/// host: Ethernet, at most FST_SNAP_BYTES of it. On other links the Ethernet header is synthesized
/// with zero addresses.
class FrameShaper {
  public:
    /// The converted frame; empty if it ends within its link header. Valid until the next call.
    ///
    /// An IP length of 0 (a packet captured before segmentation offload) is set from the frame's
    /// length on the wire; one above 65535 becomes 65535.
    [[nodiscard]] std::span<std::uint8_t> shape(const CapturedFrame& frame);

  private:
    static constexpr std::size_t kSnapBytes = 256;
    std::array<std::uint8_t, kSnapBytes> bytes_{};
};

}  // namespace flowstamp::net
