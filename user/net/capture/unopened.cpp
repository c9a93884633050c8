// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/capture/unopened.h"

#include <cstddef>
#include <utility>

namespace flowstamp::net {

namespace {

constexpr std::size_t kEthernet = 14;
constexpr unsigned kUdp = 17;

using Name = std::pair<unsigned, std::string_view>;

constexpr Name kEthertypes[] = {{0x88e5, "MACsec"}, {0x894f, "NSH"}, {0x88e7, "PBB"}};
constexpr Name kProtocols[] = {{50, "ESP"}, {115, "L2TP"}, {97, "EtherIP"}};
constexpr Name kPorts[] = {{1701, "L2TP"},       {4500, "ESP"},  {1194, "OpenVPN"},
                           {51820, "WireGuard"}, {4341, "LISP"}, {4790, "VXLAN-GPE"}};

template <std::size_t count>
std::string_view name_of(const Name (&names)[count], unsigned number) {
    for (const auto& [known, name] : names) {
        if (known == number) {
            return name;
        }
    }
    return {};
}

unsigned word(std::span<const std::uint8_t> bytes, std::size_t at) {
    return at + 2 <= bytes.size() ? static_cast<unsigned>(bytes[at] << 8 | bytes[at + 1]) : 0;
}

/// By the protocol of an IP packet, and the ports if it is UDP. `at`: where its payload begins.
std::string_view of_protocol(std::span<const std::uint8_t> frame, unsigned protocol,
                             std::size_t at) {
    if (protocol != kUdp) {
        return name_of(kProtocols, protocol);
    }
    const std::string_view by_source = name_of(kPorts, word(frame, at));
    return by_source.empty() ? name_of(kPorts, word(frame, at + 2)) : by_source;
}

}  // namespace

std::string_view unopened_encapsulation(std::span<const std::uint8_t> frame) {
    std::size_t at = kEthernet;
    unsigned type = word(frame, kEthernet - 2);
    while (type == 0x8100 || type == 0x88a8 || type == 0x9100) {
        type = word(frame, at + 2);
        at += 4;
    }
    if (type == 0x0800 && at + 20 <= frame.size()) {
        const bool later_fragment = word(frame, at + 6) & 0x1fff;
        return later_fragment ? std::string_view{}
                              : of_protocol(frame, frame[at + 9], at + (frame[at] & 0x0fU) * 4U);
    }
    if (type == 0x86dd && at + 40 <= frame.size()) {
        return of_protocol(frame, frame[at + 6], at + 40);
    }
    return name_of(kEthertypes, type);
}

}  // namespace flowstamp::net
