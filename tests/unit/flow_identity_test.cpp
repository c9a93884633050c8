// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/identity.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <set>
#include <string_view>

#include "tests/support/events.h"
#include "user/net/endpoint.h"
#include "user/net/sha1.h"

namespace flowstamp {
namespace {

using flowstamp::testing::example_flow;
using flowstamp::testing::example_key;
using flowstamp::testing::key_of;

std::string sha1_hex(std::string_view text) {
    const std::vector<std::uint8_t> bytes(text.begin(), text.end());
    std::string hex;
    for (const std::uint8_t byte : net::sha1(bytes)) {
        constexpr std::string_view kDigits = "0123456789abcdef";
        hex += kDigits[byte >> 4];
        hex += kDigits[byte & 15];
    }
    return hex;
}

TEST(Sha1, GivesTheDigestsOfTheStandard) {  // RFC 3174, section 7.3, and FIPS 180-4's empty one
    EXPECT_EQ(sha1_hex(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    EXPECT_EQ(sha1_hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    EXPECT_EQ(sha1_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    EXPECT_EQ(sha1_hex(std::string(1'000'000, 'a')), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

/// Those of the specification's baseline (corelight/community-id-spec, baseline_deflt.json) that have ports.
TEST(CommunityId, MatchesTheSpecificationsBaselineInBothDirections) {
    struct Published {
        const char* source;
        std::uint16_t source_port;
        const char* destination;
        std::uint16_t destination_port;
        std::uint8_t protocol;
        const char* id;
    };
    constexpr Published kBaseline[] = {
        {"128.232.110.120", 34855, "66.35.250.204", 80, IPPROTO_TCP,
         "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
        {"2001:470:e5bf:dead:4957:2174:e82c:4887", 63943, "2607:f8b0:400c:c03::1a", 25, IPPROTO_TCP,
         "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
        {"192.168.1.52", 54585, "8.8.8.8", 53, IPPROTO_UDP, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
        {"192.168.170.8", 7, "192.168.170.56", 7, IPPROTO_SCTP, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="},
    };
    for (const Published& its : kBaseline) {
        fst_flow_key there =
            key_of(its.source, its.source_port, its.destination, its.destination_port, 1);
        fst_flow_key back =
            key_of(its.destination, its.destination_port, its.source, its.source_port, 1);
        there.protocol = its.protocol;
        back.protocol = its.protocol;
        EXPECT_EQ(net::community_id(there), its.id);
        EXPECT_EQ(net::community_id(back), its.id);
    }
}

TEST(FlowId, DiffersByFlowGenerationAndInterfaceAndFitsADouble) {
    const fst_flow_key key = example_key();
    fst_flow_key elsewhere = key;
    elsewhere.ifindex++;
    fst_flow_key udp = key;
    udp.protocol = IPPROTO_UDP;
    const std::set<std::uint64_t> ids = {net::flow_id(key, 7, 1), net::flow_id(key, 7, 2),
                                         net::flow_id(key, 8, 1), net::flow_id(elsewhere, 7, 1),
                                         net::flow_id(udp, 7, 1)};
    EXPECT_EQ(ids.size(), 5U);
    EXPECT_LT(*ids.rbegin(), 1ULL << 53);
    EXPECT_EQ(net::flow_id(key, 7, 1), net::flow_id(key, 7, 1));
}

TEST(IsnId, IsTheSameOnBothSidesOfAddressTranslation) {
    const fst_flow here = example_flow();
    fst_flow there = here;  // the other side of a NAT, where the client's address sorts last
    there.state = FST_OF(FST_FLOW_SYN, 1) | FST_OF(FST_FLOW_SYN_ACK, 0);
    there.isn[0] = here.isn[1];
    there.isn[1] = here.isn[0];
    ASSERT_TRUE(net::isn_id(here));
    EXPECT_EQ(net::isn_id(here), net::isn_id(there));
    there.isn[1]++;
    EXPECT_NE(net::isn_id(here), net::isn_id(there));
}

TEST(IsnId, IsAbsentUntilBothNumbersWereSeen) {
    fst_flow flow = example_flow();
    flow.state = FST_OF(FST_FLOW_SYN, 0);
    EXPECT_FALSE(net::isn_id(flow));
    flow.state = FST_FLOW_MIDWAY | FST_FLOW_ESTABLISHED;
    EXPECT_FALSE(net::isn_id(flow));
    flow.state = FST_OF(FST_FLOW_SYN, 0) | FST_OF(FST_FLOW_SYN, 1);  // simultaneous open
    EXPECT_TRUE(net::isn_id(flow));
}

TEST(Endpoint, HasConventionalText) {
    EXPECT_EQ(net::end_of(example_key(), 1).text(), "198.51.100.7:443");
    const fst_flow_key v6 = key_of("2001:db8::1", 40000, "2001:db8:7::7", 443, 1);
    EXPECT_EQ(net::end_of(v6, 1).text(), "[2001:db8:7::7]:443");
    EXPECT_EQ(net::end_of(v6, 0).ip_text(), "2001:db8::1");
    EXPECT_FALSE(net::end_of(v6, 0).is_v4());
}

}  // namespace
}  // namespace flowstamp
