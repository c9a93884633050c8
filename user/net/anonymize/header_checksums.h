// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace flowstamp::net {

/// The Internet checksums (RFC 1071) of a packet whose bytes are replaced. Afterwards each is as
/// right or as wrong as before, also where the packet is cut (RFC 1624), is 0 where it was not
/// filled in, and the pseudo header's part alone where a network card was to complete it.
class HeaderChecksums {
  public:
    /// What a transport's checksum covers besides (RFC 9293, section 3.1; RFC 8200, section 8.1).
    struct PseudoHeader {
        std::size_t addresses_at = 0;
        std::size_t addresses_bytes = 0;
        std::uint32_t protocol_and_length = 0;  ///< their sum
    };
    /// Offsets from the packet's start.
    struct Checksum {
        std::size_t field = 0;
        std::size_t begin = 0;
        std::size_t end = 0;
        std::optional<PseudoHeader> pseudo{};
    };

    /// The outermost first: it covers those within.
    void add(const Checksum& checksum) { checksums_.push_back(checksum); }
    /// `before`: the packet as it was, `after`: with other bytes, in which the fields are set.
    void update(std::span<const std::uint8_t> before, std::span<std::uint8_t> after) const;

  private:
    std::vector<Checksum> checksums_;
};

}  // namespace flowstamp::net
