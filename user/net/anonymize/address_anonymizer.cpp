// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/anonymize/address_anonymizer.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace flowstamp::net {

namespace {

constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::size_t kIpv6Bytes = 16;
constexpr std::uint8_t kGroup = 0x01, kLocal = 0x02;  // of a MAC address's first byte

// What else than addresses is encrypted differs in the last byte of the block.
constexpr std::uint8_t kOfMac = 1, kOfNumber = 2;

}  // namespace

AddressAnonymizer::AddressAnonymizer(const Key& key) {
    aes128_set_encrypt_key(&cipher_, key.data());
    Block seed;
    std::copy_n(key.begin() + AES128_KEY_SIZE, seed.size(), seed.begin());
    pad_ = encrypted(seed);
}

AddressAnonymizer::Block AddressAnonymizer::encrypted(const Block& plain) const {
    Block block;
    aes128_encrypt(&cipher_, block.size(), block.data(), plain.data());
    return block;
}

/// Each bit is flipped or not by the cipher's first bit of those before it, filled up with the pad.
void AddressAnonymizer::replace_ip(std::span<std::uint8_t> address) const {
    if (address.size() == kIpv6Bytes &&
        std::ranges::equal(address.first(kMapped.size()), kMapped)) {
        address = address.subspan(kMapped.size());
    }
    Block input = pad_;
    for (std::uint8_t& byte : address) {
        const auto at = static_cast<std::size_t>(&byte - address.data());
        const std::uint8_t original = byte;
        for (unsigned bit = 0; bit < 8; bit++) {
            const auto before = static_cast<std::uint8_t>(0xff00U >> bit);
            input[at] = static_cast<std::uint8_t>((original & before) | (pad_[at] & ~before));
            byte = static_cast<std::uint8_t>(byte ^ (encrypted(input)[0] & 0x80U) >> bit);
        }
        input[at] = original;
    }
}

void AddressAnonymizer::replace_mac(std::span<std::uint8_t, 6> mac) const {
    const auto is_all = [mac](std::uint8_t value) {
        return std::ranges::all_of(mac, [value](std::uint8_t byte) { return byte == value; });
    };
    if (is_all(0) || is_all(0xff)) {
        return;
    }
    Block input{};
    std::ranges::copy(mac, input.begin());
    input.back() = kOfMac;
    const Block output = encrypted(input);
    const std::uint8_t group = mac[0] & kGroup;
    std::copy_n(output.begin(), mac.size(), mac.begin());
    mac[0] = static_cast<std::uint8_t>((mac[0] & ~kGroup) | kLocal | group);
}

std::uint64_t AddressAnonymizer::number(std::uint64_t value) const {
    constexpr unsigned kBits = 53;
    Block input{};
    std::memcpy(input.data(), &value, sizeof(value));
    input.back() = kOfNumber;
    const Block output = encrypted(input);
    std::memcpy(&value, output.data(), sizeof(value));
    return value & ((std::uint64_t{1} << kBits) - 1);
}

}  // namespace flowstamp::net
