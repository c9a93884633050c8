// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/anonymize/text_anonymizer.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include "user/net/names.h"

namespace flowstamp::net {

namespace {

/// What addresses are made of, and what would make them a part of another word.
bool is_of_word(char letter) {
    return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') ||
           (letter >= 'A' && letter <= 'Z') || letter == '.' || letter == ':' || letter == '_';
}

std::string_view first_word(std::string_view text) {
    const auto* const end = std::ranges::find_if_not(text, is_of_word);
    return {text.begin(), end};
}

struct IpAddress {
    std::array<std::uint8_t, 16> bytes{};
    std::size_t size = 0;  ///< 4 or 16

    [[nodiscard]] std::string text() const {
        std::array<char, INET6_ADDRSTRLEN> text{};
        ::inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes.data(), text.data(), text.size());
        return text.data();
    }
};

std::optional<IpAddress> ip_in(std::string_view word) {
    const std::string text(word);
    IpAddress address;
    for (const auto& [family, size] : {std::pair{AF_INET, 4U}, std::pair{AF_INET6, 16U}}) {
        if (::inet_pton(family, text.c_str(), address.bytes.data()) == 1) {
            address.size = size;
            return address;
        }
    }
    return std::nullopt;
}

std::optional<std::array<std::uint8_t, 6>> mac_in(std::string_view word) {
    constexpr std::size_t kLetters = 17, kPerByte = 3;
    std::array<std::uint8_t, 6> mac{};
    if (word.size() != kLetters) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < mac.size(); i++) {
        const char* const begin = word.data() + i * kPerByte;
        const auto [end, error] = std::from_chars(begin, begin + 2, mac.at(i), 16);
        if (error != std::errc{} || end != begin + 2 || (i + 1 < mac.size() && *end != ':')) {
            return std::nullopt;
        }
    }
    return mac;
}

/// The bits of the prefix whose length or mask follows an address, behind a slash.
std::optional<unsigned> prefix_bits(std::string_view behind) {
    if (!behind.starts_with('/')) {
        return std::nullopt;
    }
    const std::string_view word = first_word(behind.substr(1));
    if (const auto mask = ip_in(word)) {
        unsigned bits = 0;
        for (const std::uint8_t byte : std::span(mask->bytes).first(mask->size)) {
            bits += static_cast<unsigned>(std::countl_one(byte));
        }
        return bits;
    }
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), bits);
    return error == std::errc{} ? std::optional(bits) : std::nullopt;
}

std::string replaced(IpAddress address, std::optional<unsigned> prefix,
                     const AddressAnonymizer& anonymizer) {
    const auto bytes = std::span(address.bytes).first(address.size);
    anonymizer.replace_ip(bytes);
    const auto all = static_cast<unsigned>(bytes.size() * 8);
    for (unsigned bit = std::min(prefix.value_or(all), all); bit < all; bit++) {
        bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> bit % 8));
    }
    return address.text();
}

/// The first address in a word, as in "to:192.0.2.1:80".
struct Found {
    std::size_t begin = 0;
    std::size_t end = 0;
    IpAddress address{};
};

std::optional<Found> ip_within(std::string_view word) {
    constexpr std::string_view kSeparators = ".:";
    for (std::size_t begin = 0; begin < word.size(); begin++) {
        if (begin != 0 && word[begin - 1] != ':') {
            continue;
        }
        for (std::size_t end = word.size(); end != std::string_view::npos && end > begin;
             end = word.find_last_of(kSeparators, end - 1)) {
            if (const auto address = ip_in(word.substr(begin, end - begin))) {
                return Found{begin, end, *address};
            }
        }
    }
    return std::nullopt;
}

/// `behind`: what follows the word.
std::string replaced(std::string_view word, std::string_view behind,
                     const AddressAnonymizer& anonymizer) {
    if (auto mac = mac_in(word)) {
        anonymizer.replace_mac(*mac);
        return mac_text(*mac);
    }
    const auto found = ip_within(word);
    if (!found) {
        return std::string(word);
    }
    const auto prefix = found->end == word.size() ? prefix_bits(behind) : std::nullopt;
    return std::string(word.substr(0, found->begin)) +
           replaced(found->address, prefix, anonymizer) +
           replaced(word.substr(found->end), behind, anonymizer);
}

/// Whether the text begins with the prefix length or mask of an address before it.
bool is_prefix(std::string_view before, std::string_view text) {
    return ip_within(before) && prefix_bits(text);
}

}  // namespace

std::string anonymized_text(std::string_view text, const AddressAnonymizer& anonymizer) {
    std::string result;
    while (!text.empty()) {
        const std::string_view word = first_word(text);
        result += replaced(word, text.substr(word.size()), anonymizer);
        const std::string_view behind = text.substr(word.size());
        // What stands between words, and a prefix's length or mask, stay.
        const std::size_t kept =
            is_prefix(word, behind) ? 1 + first_word(behind.substr(1)).size() : 1;
        result += behind.substr(0, kept);
        text = behind.substr(std::min(kept, behind.size()));
    }
    return result;
}

}  // namespace flowstamp::net
