// SPDX-License-Identifier: Apache-2.0
#include "user/analysis/tracking/icmp_errors.h"

#include <array>

namespace flowstamp::analysis {

namespace {

constexpr unsigned kUnreachableV4 = 3;
constexpr unsigned kUnreachableV6 = 1;
constexpr unsigned kFragmentationNeeded = 4;

constexpr std::array<std::string_view, 16> kWordsV4 = {
    "network unreachable",
    "host unreachable",
    "protocol unreachable",
    "port unreachable",
    "fragmentation needed",
    "source route failed",
    "network unknown",
    "host unknown",
    "source host isolated",
    "network administratively prohibited",
    "host administratively prohibited",
    "network unreachable for this type of service",
    "host unreachable for this type of service",
    "communication administratively prohibited",
    "host precedence violation",
    "precedence cutoff",
};

constexpr std::array<std::string_view, 8> kWordsV6 = {
    "no route to destination",
    "communication administratively prohibited",
    "beyond scope of source address",
    "address unreachable",
    "port unreachable",
    "source address failed a policy",
    "reject route to destination",
    "error in source routing header",
};

}  // namespace

bool is_rejection(const fst_packet& icmp_error) {
    return (icmp_error.flags & FST_PACKET_IPV6) ? icmp_error.icmp_type == kUnreachableV6
                                               : icmp_error.icmp_type == kUnreachableV4 &&
                                                     icmp_error.icmp_code != kFragmentationNeeded;
}

std::string_view icmp_words(const fst_packet& icmp_error) {
    const unsigned code = icmp_error.icmp_code;
    if (icmp_error.flags & FST_PACKET_IPV6) {
        return code < kWordsV6.size() ? kWordsV6[code] : "unreachable";
    }
    return code < kWordsV4.size() ? kWordsV4[code] : "unreachable";
}

}  // namespace flowstamp::analysis
