// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/analysis/tracking/icmp_errors.h"

namespace flowstamp::analysis {

namespace {

constexpr unsigned kUnreachableV4 = 3;
constexpr unsigned kUnreachableV6 = 1;
constexpr unsigned kFragmentationNeeded = 4;

}  // namespace

bool is_rejection(const fst_packet& icmp_error) {
    return (icmp_error.flags & FST_PACKET_IPV6) ? icmp_error.icmp_type == kUnreachableV6
                                                : icmp_error.icmp_type == kUnreachableV4 &&
                                                      icmp_error.icmp_code != kFragmentationNeeded;
}

}  // namespace flowstamp::analysis
