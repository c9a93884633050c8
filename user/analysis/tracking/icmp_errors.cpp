// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/icmp_errors.h"

#include <algorithm>

namespace flowstamp::analysis {

namespace {

constexpr unsigned kUnreachableV4 = 3;
constexpr unsigned kUnreachableV6 = 1;
constexpr unsigned kFragmentationNeeded = 4;
constexpr unsigned kTooBigV6 = 2;
constexpr unsigned kTimeExceededV4 = 11;
constexpr unsigned kTimeExceededV6 = 3;

}  // namespace

bool is_rejection(const fst_packet& icmp_error) {
    return (icmp_error.flags & FST_PACKET_IPV6) ? icmp_error.icmp_type == kUnreachableV6
                                                : icmp_error.icmp_type == kUnreachableV4 &&
                                                      icmp_error.icmp_code != kFragmentationNeeded;
}

bool is_too_big(const fst_packet& icmp_error) {
    return (icmp_error.flags & FST_PACKET_IPV6) ? icmp_error.icmp_type == kTooBigV6
                                                : icmp_error.icmp_type == kUnreachableV4 &&
                                                      icmp_error.icmp_code == kFragmentationNeeded;
}

bool is_time_exceeded(const fst_packet& icmp_error) {
    const unsigned type = (icmp_error.flags & FST_PACKET_IPV6) ? kTimeExceededV6 : kTimeExceededV4;
    return icmp_error.icmp_type == type && icmp_error.icmp_code == 0;
}

net::Endpoint icmp_sender(const fst_packet& icmp_error) {
    net::Endpoint sender;
    std::copy_n(reinterpret_cast<const std::uint8_t*>(icmp_error.icmp_source),
                sender.address.size(), sender.address.begin());
    return sender;
}

}  // namespace flowstamp::analysis
