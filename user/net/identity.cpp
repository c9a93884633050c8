// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/identity.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "user/net/endpoint.h"
#include "user/net/sha1.h"

namespace flowstamp::net {

namespace {

constexpr std::uint64_t kDoubleHolds = (1ULL << 53) - 1;

/// The finalizer of MurmurHash3: every input bit affects every output bit.
std::uint64_t mix(std::uint64_t value) {
    value = (value ^ value >> 33) * 0xff51afd7ed558ccdU;
    value = (value ^ value >> 33) * 0xc4ceb9fe1a85ec53U;
    return value ^ value >> 33;
}

std::string base64(std::span<const std::uint8_t> bytes) {
    static constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const std::size_t here = std::min<std::size_t>(3, bytes.size() - at);
        std::uint32_t group = 0;
        for (std::size_t i = 0; i < 3; i++) {
            group = group << 8 | (i < here ? bytes[at + i] : 0U);
        }
        for (std::size_t i = 0; i < 4; i++) {
            text += i <= here ? kAlphabet[group >> (18 - 6 * i) & 63] : '=';
        }
    }
    return text;
}

void append_address(std::vector<std::uint8_t>& bytes, const Endpoint& end) {
    const auto begin = end.is_v4() ? end.address.end() - 4 : end.address.begin();
    bytes.insert(bytes.end(), begin, end.address.end());
}

void append_port(std::vector<std::uint8_t>& bytes, std::uint16_t port) {
    bytes.push_back(static_cast<std::uint8_t>(port >> 8));
    bytes.push_back(static_cast<std::uint8_t>(port));
}

}  // namespace

std::uint64_t flow_id(const fst_flow_key& key, std::uint32_t slot, std::uint32_t generation) {
    std::uint64_t hash = mix(std::uint64_t{generation} << 32 | slot);
    std::uint64_t words[(sizeof(key) + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t)] = {};
    std::memcpy(words, &key, sizeof(key));
    for (const std::uint64_t word : words) {
        hash = mix(hash ^ word);
    }
    return hash & kDoubleHolds;
}

std::uint64_t flow_id(const fst_event& event) {
    return flow_id(event.packet.key, event.slot, event.generation);
}

std::uint64_t isn_id(std::uint32_t one_isn, std::uint32_t other_isn) {
    // Address translation may swap which end is A, so the lower number goes first.
    const auto [low, high] = std::minmax({one_isn, other_isn});
    return mix(std::uint64_t{high} << 32 | low);
}

std::optional<std::uint64_t> isn_id(const fst_flow& flow) {
    for (unsigned opener = 0; opener < 2; opener++) {
        const unsigned other = opener ^ 1U;
        if ((flow.state & FST_OF(FST_FLOW_SYN, opener)) &&
            (flow.state & (FST_OF(FST_FLOW_SYN_ACK, other) | FST_OF(FST_FLOW_SYN, other)))) {
            return isn_id(flow.isn[0], flow.isn[1]);
        }
    }
    return std::nullopt;
}

std::string community_id(const fst_flow_key& key) {
    Endpoint first = end_of(key, 0);
    Endpoint second = end_of(key, 1);
    if (second < first) {
        std::swap(first, second);
    }
    std::vector<std::uint8_t> bytes = {0, 0};  // the seed
    append_address(bytes, first);
    append_address(bytes, second);
    bytes.push_back(key.protocol);
    bytes.push_back(0);
    append_port(bytes, first.port);
    append_port(bytes, second.port);
    return "1:" + base64(sha1(bytes));
}

}  // namespace flowstamp::net
