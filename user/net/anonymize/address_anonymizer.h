// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

// Nettle is small, goes with GPL-2.0-only code, and is on every Debian; AF_ALG is not in every kernel.
#include <nettle/aes.h>

#include <array>
#include <cstdint>
#include <span>

namespace flowstamp::net {

/// Replaces addresses by a key: the same key gives the same replacement in every file and run.
/// Nobody finds the way back without the key, but who knows what some address has become knows the
/// same of its prefixes.
///
/// IP addresses by Crypto-PAn (Xu, Fan, Ammar and Moon, "Prefix-Preserving IP Address
/// Anonymization", ICNP 2002): two that share the first n bits, and no more, share the first n bits
/// afterwards, and no more. There are no exceptions: loopback, link-local and private addresses are
/// replaced, too, as an address that stays would break that, and could become another one's.
class AddressAnonymizer {
  public:
    using Block = std::array<std::uint8_t, AES_BLOCK_SIZE>;
    /// The cipher's key, and what the padding is made from.
    using Key = std::array<std::uint8_t, AES128_KEY_SIZE + AES_BLOCK_SIZE>;

    explicit AddressAnonymizer(const Key& key);

    /// Replaces an address, in network order: 4 bytes of IPv4, or 16 of IPv6. IPv4 in the form
    /// ::ffff:a.b.c.d keeps that form, and becomes what it becomes in 4 bytes.
    void replace_ip(std::span<std::uint8_t> address) const;
    /// Replaces a MAC address. Equal ones stay equal; different ones become equal by one chance in
    /// 2^46. The group bit stays; the local bit is set, as it is no maker's. All zeros (no address)
    /// and all ones (broadcast) stay.
    void replace_mac(std::span<std::uint8_t, 6> mac) const;
    /// A number in place of one that was made from addresses. Below 2^53.
    [[nodiscard]] std::uint64_t number(std::uint64_t value) const;

  private:
    [[nodiscard]] Block encrypted(const Block& plain) const;

    aes128_ctx cipher_{};
    Block pad_{};
};

}  // namespace flowstamp::net
