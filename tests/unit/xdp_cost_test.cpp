// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/attach/xdp_cost.h"

#include <gtest/gtest.h>
#include <net/if_arp.h>

namespace flowstamp {
namespace {

kernel::Interface interface(std::string driver, bool merges = false) {
    return {.name = "eth0",
            .hardware = ARPHRD_ETHER,
            .driver = std::move(driver),
            .merges_in_hardware = merges};
}

TEST(XdpCost, ACardWithoutMergingCostsNothing) {
    for (const bool acting : {false, true}) {
        EXPECT_TRUE(kernel::automatic_is_xdp(interface("ixgbe"), acting));
        EXPECT_TRUE(kernel::automatic_is_xdp(interface(""), acting));
    }
    EXPECT_EQ(kernel::xdp_cost(interface("ixgbe")), "");
}

TEST(XdpCost, AnObserverLeavesLargeSegments) {
    for (const char* driver : {"veth", "tun"}) {
        EXPECT_EQ(kernel::xdp_cost(interface(driver)), "its large segments") << driver;
        EXPECT_FALSE(kernel::automatic_is_xdp(interface(driver), false)) << driver;
        EXPECT_TRUE(kernel::automatic_is_xdp(interface(driver), true)) << driver;
    }
}

TEST(XdpCost, AnObserverLeavesMergingInHardware) {
    EXPECT_EQ(kernel::xdp_cost(interface("virtio_net", true)),
              "its merging of packets in hardware (LRO, GRO-HW)");
    EXPECT_FALSE(kernel::automatic_is_xdp(interface("virtio_net", true), false));
    EXPECT_TRUE(kernel::automatic_is_xdp(interface("virtio_net", true), true));
    EXPECT_TRUE(kernel::automatic_is_xdp(interface("virtio_net", false), false));
}

/// Of a tun device without Ethernet frames: attaching says why XDP is not possible.
TEST(XdpCost, WhereXdpIsImpossibleItCostsNothing) {
    kernel::Interface tunnel = interface("tun");
    tunnel.hardware = ARPHRD_NONE;
    EXPECT_EQ(kernel::xdp_cost(tunnel), "");
}

}  // namespace
}  // namespace flowstamp
