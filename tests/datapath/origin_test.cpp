// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What the kernel says of a reset that leaves: by which interface it came in, or by none.
#include "tests/datapath/fixture.h"

namespace flowstamp::testing {
namespace {

class DatapathOrigin : public DatapathTest {
  protected:
    Bytes reset(const Packet& outer) const {
        return (outer / Ipv4{.id = 77} /
                Tcp{.src_port = port_, .seq = 1000, .flags = Rst, .window = 0})
            .bytes();
    }
    std::uint32_t context(const Frame& frame, fst_hook at) {
        return watching().run(at, frame).judgement().context;
    }
    bool never_came_in(const Bytes& frame, fst_hook at, std::uint32_t came_in_by) {
        return context({.bytes = frame, .came_in_by = came_in_by}, at) & FST_CONTEXT_NEVER_CAME_IN;
    }

  private:
    std::uint16_t port_ = fresh_port();
};
INSTANTIATE_TEST_SUITE_P(Datapath, DatapathOrigin, ::testing::ValuesIn(ingress_hooks()), case_name);

TEST_P(DatapathOrigin, OfWhatLeavesTheWayInIsKnown) {
    EXPECT_TRUE(never_came_in(reset(Ethernet{}), FST_HOOK_TC_EGRESS, 0));
    EXPECT_FALSE(never_came_in(reset(Ethernet{}), FST_HOOK_TC_EGRESS, 1));
    EXPECT_FALSE(never_came_in(reset(Ethernet{}), FST_HOOK_TC_EGRESS, 4711)) << "watched or not";
}

TEST_P(DatapathOrigin, WhatComesInHasCome) {
    EXPECT_FALSE(never_came_in(reset(Ethernet{}), hook(), 0));
}

/// The kernel's test run gives each packet a socket.
TEST_P(DatapathOrigin, OfWhatIsMadeHereTheSocketIsKnown) {
    const Bytes bytes = reset(Ethernet{});
    EXPECT_TRUE(context({.bytes = bytes}, FST_HOOK_TC_EGRESS) & FST_CONTEXT_FROM_SOCKET);
    EXPECT_FALSE(context({.bytes = bytes, .came_in_by = 1}, FST_HOOK_TC_EGRESS) &
                 FST_CONTEXT_FROM_SOCKET);
    if (!in_kernel()) {
        EXPECT_FALSE(context({.bytes = bytes, .has_no_socket = true}, FST_HOOK_TC_EGRESS) &
                     FST_CONTEXT_FROM_SOCKET);
    }
}

/// What wraps it has lost where it came in.
TEST_P(DatapathOrigin, OfWhatATunnelHoldsItIsNotKnown) {
    const Packet outer = Ethernet{} / Ipv4{.src = "203.0.113.1", .dst = "203.0.113.2"};
    EXPECT_FALSE(never_came_in(reset(outer), FST_HOOK_TC_EGRESS, 0));
}

}  // namespace
}  // namespace flowstamp::testing
