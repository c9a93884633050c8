// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Properties of the network interfaces in the calling thread's network namespace.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "user/base/result.h"

namespace flowstamp::kernel {

struct Interface {
    std::string name;
    std::uint32_t index = 0;
    std::uint32_t mtu = 0;       ///< bytes
    std::uint16_t hardware = 0;  ///< ARPHRD_* of <net/if_arp.h>
    bool up = false;             ///< IFF_UP: set up by the administrator
    bool running = false;        ///< IFF_RUNNING: also has a carrier
    bool loopback = false;
    bool wireless = false;
    std::string driver;               ///< as reported by ethtool; empty if it reports none
    bool merges_in_hardware = false;  ///< LRO or GRO-HW is on

    /// Whether its packets begin with an Ethernet header; not on tunnels (tun, wireguard, ppp).
    [[nodiscard]] bool has_ethernet() const;

    friend bool operator==(const Interface&, const Interface&) = default;
};

/// Fails if this namespace has no interface of this name.
[[nodiscard]] Result<Interface> find_interface(const std::string& name);

/// All interfaces of this network namespace, by index.
[[nodiscard]] Result<std::vector<Interface>> list_interfaces();

enum class XdpMode { none, native, generic, offloaded, several };

/// The XDP program on an interface, whoever attached it.
struct XdpState {
    XdpMode mode = XdpMode::none;
    std::uint32_t program_id = 0;  ///< 0: none
};

[[nodiscard]] Result<XdpState> xdp_state(std::uint32_t ifindex);

/// Whether the driver reports native XDP (kernel 6.3). Unknown on older kernels and those without
/// the netdev netlink family: only attaching shows it.
enum class NativeXdp { unknown, no, yes };

[[nodiscard]] NativeXdp native_xdp(std::uint32_t ifindex);

}  // namespace flowstamp::kernel
