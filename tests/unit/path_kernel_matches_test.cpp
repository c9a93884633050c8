// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/kernel_matches.h"

#include <gtest/gtest.h>

namespace flowstamp {
namespace {

std::vector<fst_path_match> of(const std::string& filter) {
    const auto matches = net::packet_matches(filter);
    EXPECT_TRUE(matches);
    return matches ? pathtrace::kernel_matches(*matches) : std::vector<fst_path_match>{};
}

TEST(PathKernelMatches, PortIsOneComparisonForBothDirectionsAndFamilies) {
    const auto found = of("tcp port 443");
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].family, 0);
    EXPECT_EQ(found[0].protocol, 6);
    EXPECT_EQ(found[0].both_directions, 1);
    const bool as_source = found[0].source_port[0] == 443;
    EXPECT_EQ((as_source ? found[0].source_port : found[0].destination_port)[1], 443);
    EXPECT_EQ((as_source ? found[0].destination_port : found[0].source_port)[1], 65535);
}

TEST(PathKernelMatches, HostIsOneComparisonOfItsFamily) {
    const auto found = of("host 192.0.2.7 and tcp");
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].family, 4);
    EXPECT_EQ(found[0].both_directions, 1);
}

TEST(PathKernelMatches, OneDirectionStaysOneDirection) {
    const auto found = of("tcp dst port 443");
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].both_directions, 0);
    EXPECT_EQ(found[0].destination_port[0], 443);
}

TEST(PathKernelMatches, AnswersMatchIfTheFilterIsForBothDirections) {
    for (const char* filter : {"tcp port 443", "host 192.0.2.7", "udp", "", "ip6 and tcp",
                               "host 192.0.2.7 and port 53"}) {
        EXPECT_TRUE(pathtrace::match_answers(of(filter))) << filter;
    }
    for (const char* filter :
         {"dst port 443", "src host 192.0.2.7", "tcp port 443 or dst port 53"}) {
        EXPECT_FALSE(pathtrace::match_answers(of(filter))) << filter;
    }
}

TEST(PathKernelMatches, DifferentMatchesStaySeparate) {
    EXPECT_EQ(of("tcp port 443 or udp port 53").size(), 2u);
    EXPECT_EQ(of("src host 192.0.2.7 or dst host 192.0.2.8").size(), 2u);
    EXPECT_TRUE(of("").empty()) << "everything";
}

}  // namespace
}  // namespace flowstamp
