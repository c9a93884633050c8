// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/kernel_matches.h"

#include <algorithm>
#include <utility>

namespace flowstamp::pathtrace {
namespace {

struct Comparison {
    net::PacketMatch match;
    bool both_directions = false;
};

bool same_but_family(const net::PacketMatch& a, net::PacketMatch b) {
    b.family = a.family;
    return a == b;
}

/// Merges two matches that differ only in IP version.
std::vector<net::PacketMatch> families_merged(const std::vector<net::PacketMatch>& matches) {
    std::vector<net::PacketMatch> found;
    for (const net::PacketMatch& match : matches) {
        const auto twin = std::ranges::find_if(
            found, [&](const net::PacketMatch& known) { return same_but_family(known, match); });
        if (twin == found.end()) {
            found.push_back(match);
        } else if (twin->family != match.family) {
            twin->family = 0;
        }
    }
    return found;
}

net::PacketMatch reversed(net::PacketMatch match) {
    std::swap(match.source, match.destination);
    std::swap(match.source_ports, match.destination_ports);
    return match;
}

std::vector<Comparison> directions_merged(const std::vector<net::PacketMatch>& matches) {
    std::vector<Comparison> found;
    for (const net::PacketMatch& match : matches) {
        const auto other_way = std::ranges::find_if(found, [&](const Comparison& known) {
            return !known.both_directions && known.match == reversed(match);
        });
        if (other_way == found.end()) {
            found.push_back({match});
        } else {
            other_way->both_directions = true;
        }
    }
    return found;
}

fst_path_match compared(const Comparison& comparison) {
    const net::PacketMatch& match = comparison.match;
    fst_path_match its = match_everything();
    its.family = match.family;
    its.protocol = match.protocol;
    its.both_directions = comparison.both_directions;
    its.source_port[0] = match.source_ports.low;
    its.source_port[1] = match.source_ports.high;
    its.destination_port[0] = match.destination_ports.low;
    its.destination_port[1] = match.destination_ports.high;
    std::ranges::copy(match.source.address, reinterpret_cast<std::uint8_t*>(its.source));
    std::ranges::copy(match.source.mask, reinterpret_cast<std::uint8_t*>(its.source_mask));
    std::ranges::copy(match.destination.address, reinterpret_cast<std::uint8_t*>(its.destination));
    std::ranges::copy(match.destination.mask,
                      reinterpret_cast<std::uint8_t*>(its.destination_mask));
    return its;
}

}  // namespace

fst_path_match match_everything() {
    fst_path_match match{};
    match.source_port[1] = 0xffff;
    match.destination_port[1] = 0xffff;
    return match;
}

std::vector<fst_path_match> kernel_matches(const net::PacketMatches& matches) {
    std::vector<fst_path_match> found;
    for (const Comparison& comparison : directions_merged(families_merged(matches.any_of))) {
        found.push_back(compared(comparison));
    }
    return found;
}

bool match_answers(const std::vector<fst_path_match>& matches) {
    return std::ranges::all_of(matches, [](const fst_path_match& match) {
        return match.both_directions != 0 ||
               (std::ranges::equal(match.source_port, match.destination_port) &&
                std::ranges::equal(match.source, match.destination) &&
                std::ranges::equal(match.source_mask, match.destination_mask));
    });
}

}  // namespace flowstamp::pathtrace
