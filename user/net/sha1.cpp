// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/sha1.h"

#include <algorithm>
#include <bit>
#include <vector>

namespace flowstamp::net {

namespace {

constexpr std::size_t kBlock = 64;
using State = std::array<std::uint32_t, 5>;

/// RFC 3174, section 4: a 1 bit, zeros, and the length in bits as the last 8 bytes.
std::vector<std::uint8_t> padded(std::span<const std::uint8_t> message) {
    std::vector<std::uint8_t> bytes(message.begin(), message.end());
    bytes.push_back(0x80);
    bytes.resize((bytes.size() + 8 + kBlock - 1) / kBlock * kBlock, 0);
    const std::uint64_t bits = std::uint64_t{message.size()} * 8;
    for (std::size_t i = 0; i < 8; i++) {
        bytes[bytes.size() - 1 - i] = static_cast<std::uint8_t>(bits >> (8 * i));
    }
    return bytes;
}

std::array<std::uint32_t, 80> schedule(std::span<const std::uint8_t> block) {
    std::array<std::uint32_t, 80> words{};
    for (std::size_t t = 0; t < 16; t++) {
        words[t] = std::uint32_t{block[4 * t]} << 24 | std::uint32_t{block[4 * t + 1]} << 16 |
                   std::uint32_t{block[4 * t + 2]} << 8 | block[4 * t + 3];
    }
    for (std::size_t t = 16; t < words.size(); t++) {
        words[t] = std::rotl(words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16], 1);
    }
    return words;
}

struct Round {
    std::uint32_t mix;
    std::uint32_t constant;
};

/// RFC 3174, section 5.
Round round_at(std::size_t t, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
    if (t < 20) {
        return {(b & c) | (~b & d), 0x5a827999};
    }
    if (t < 40) {
        return {b ^ c ^ d, 0x6ed9eba1};
    }
    if (t < 60) {
        return {(b & c) | (b & d) | (c & d), 0x8f1bbcdc};
    }
    return {b ^ c ^ d, 0xca62c1d6};
}

void absorb(State& state, std::span<const std::uint8_t> block) {
    auto [a, b, c, d, e] = state;
    const auto words = schedule(block);
    for (std::size_t t = 0; t < words.size(); t++) {
        const Round round = round_at(t, b, c, d);
        const std::uint32_t next = std::rotl(a, 5) + round.mix + e + words[t] + round.constant;
        e = d;
        d = c;
        c = std::rotl(b, 30);
        b = a;
        a = next;
    }
    state = {state[0] + a, state[1] + b, state[2] + c, state[3] + d, state[4] + e};
}

}  // namespace

std::array<std::uint8_t, 20> sha1(std::span<const std::uint8_t> message) {
    State state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    const std::vector<std::uint8_t> bytes = padded(message);
    for (std::size_t at = 0; at < bytes.size(); at += kBlock) {
        absorb(state, std::span(bytes).subspan(at, kBlock));
    }
    std::array<std::uint8_t, 20> digest{};
    for (std::size_t i = 0; i < digest.size(); i++) {
        digest[i] = static_cast<std::uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
    }
    return digest;
}

}  // namespace flowstamp::net
