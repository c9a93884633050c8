// SPDX-License-Identifier: Apache-2.0
#include "user/flow/names.h"

#include <gtest/gtest.h>

#include "tests/support/events.h"

namespace flowstamp {
namespace {

using flowstamp::testing::example_flow;

TEST(Names, TellWhereAConnectionStands) {
    fs_flow flow = example_flow();
    EXPECT_EQ(state_name(flow), "established");
    flow.state |= FS_OF(FS_FLOW_FIN, 0);
    EXPECT_EQ(state_name(flow), "closing");
    flow.state |= FS_OF(FS_FLOW_FIN, 1);
    EXPECT_EQ(state_name(flow), "closed");
    flow.state |= FS_OF(FS_FLOW_RST, 1);
    EXPECT_EQ(state_name(flow), "reset");
    flow.state = FS_OF(FS_FLOW_SYN, 0);
    EXPECT_EQ(state_name(flow), "syn-sent");
    flow.state |= FS_OF(FS_FLOW_SYN_ACK, 1);
    EXPECT_EQ(state_name(flow), "syn-received");
    flow.state = FS_FLOW_MIDWAY;
    EXPECT_EQ(state_name(flow), "midway");
}

TEST(Names, TellTtlsWithTheirHops) {
    EXPECT_EQ(ttl_text(52), "52 (12 hops)");
    EXPECT_EQ(ttl_text(127), "127 (1 hop)");
    EXPECT_EQ(ttl_text(255), "255 (0 hops)");
    fs_direction direction{};
    EXPECT_EQ(ttl_set_text(direction), "");
    direction.ttl[0] = 231;
    EXPECT_EQ(ttl_set_text(direction), "231 (24 hops)");
    direction.ttl[2] = 212;
    EXPECT_EQ(ttl_set_text(direction), "231, 212 (24, 43 hops)");
}

TEST(Names, TellFlags) {
    EXPECT_EQ(tcp_flags_short(FS_TCP_RST), "R");
    EXPECT_EQ(tcp_flags_short(FS_TCP_SYN | FS_TCP_ACK), "S.");
    EXPECT_EQ(tcp_flags_short(FS_TCP_PSH | FS_TCP_ACK), "P.");
    EXPECT_EQ(tcp_flags_short(0), "none");
}

TEST(Names, KnowWhoOpenedAFlow) {
    fs_flow flow = example_flow();
    EXPECT_EQ(opener_of(flow), 0U);
    flow.state = FS_OF(FS_FLOW_SYN, 1);
    EXPECT_EQ(opener_of(flow), 1U);
    flow.state = FS_FLOW_MIDWAY;  // 40000 against 443
    EXPECT_EQ(opener_of(flow), 0U);
}

}  // namespace
}  // namespace flowstamp
