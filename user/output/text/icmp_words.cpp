// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/icmp_words.h"

#include <array>

namespace flowstamp::output {

namespace {

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

std::string_view icmp_words(const analysis::IcmpError& error) {
    if (error.is_v6) {
        return error.code < kWordsV6.size() ? kWordsV6[error.code] : "unreachable";
    }
    return error.code < kWordsV4.size() ? kWordsV4[error.code] : "unreachable";
}

}  // namespace flowstamp::output
