// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/names.h"

#include <gtest/gtest.h>

#include "tests/support/events.h"

namespace flowstamp {
namespace {

using flowstamp::testing::example_flow;

TEST(Names, NameTheConnectionState) {
    fst_flow flow = example_flow();
    EXPECT_EQ(net::state_name(flow), "established");
    flow.state |= FST_OF(FST_FLOW_FIN, 0);
    EXPECT_EQ(net::state_name(flow), "closing");
    flow.state |= FST_OF(FST_FLOW_FIN, 1);
    EXPECT_EQ(net::state_name(flow), "closed");
    flow.state |= FST_OF(FST_FLOW_RST, 1);
    EXPECT_EQ(net::state_name(flow), "reset");
    flow.state = FST_OF(FST_FLOW_SYN, 0);
    EXPECT_EQ(net::state_name(flow), "syn-sent");
    flow.state |= FST_OF(FST_FLOW_SYN_ACK, 1);
    EXPECT_EQ(net::state_name(flow), "syn-received");
    flow.state = FST_FLOW_MIDWAY;
    EXPECT_EQ(net::state_name(flow), "midway");
}

TEST(Names, ShowTtlsWithHops) {
    EXPECT_EQ(net::ttl_text(52), "52 (12 hops)");
    EXPECT_EQ(net::ttl_text(127), "127 (1 hop)");
    EXPECT_EQ(net::ttl_text(255), "255 (0 hops)");
    fst_direction direction{};
    EXPECT_EQ(net::ttl_set_text(direction), "");
    direction.ttl[0] = 231;
    EXPECT_EQ(net::ttl_set_text(direction), "231 (24 hops)");
    direction.ttl[2] = 212;
    EXPECT_EQ(net::ttl_set_text(direction), "231, 212 (24, ? hops)") << "no path is as long";
}

TEST(Names, ShowFlags) {
    EXPECT_EQ(net::tcp_flags_short(FST_TCP_RST), "R");
    EXPECT_EQ(net::tcp_flags_short(FST_TCP_SYN | FST_TCP_ACK), "S.");
    EXPECT_EQ(net::tcp_flags_short(FST_TCP_PSH | FST_TCP_ACK), "P.");
    EXPECT_EQ(net::tcp_flags_short(0), "none");
}

TEST(Names, IdentifyTheOpener) {
    fst_flow flow = example_flow();
    EXPECT_EQ(net::opener_of(flow), 0U);
    flow.state = FST_OF(FST_FLOW_SYN, 1);
    EXPECT_EQ(net::opener_of(flow), 1U);
    flow.state = FST_FLOW_MIDWAY;  // 40000 against 443
    EXPECT_EQ(net::opener_of(flow), 0U);
}

}  // namespace
}  // namespace flowstamp
