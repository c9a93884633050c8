// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/attach/interface.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

#include "user/base/fd.h"
#include "user/base/nearest.h"
#include "user/kernel/attach/device_features.h"
#include "user/kernel/features/kernel_release.h"
#include "user/kernel/features/libbpf_messages.h"

namespace flowstamp::kernel {

namespace {

/// SIOCGIWNAME of <linux/wireless.h>, which conflicts with <net/if.h>. Only wireless devices
/// answer.
constexpr unsigned long kWirelessName = 0x8B01;

/// NETDEV_XDP_ACT_BASIC of <linux/netdev.h>, which the headers of 6.1 lack.
constexpr std::uint64_t kXdpBasic = 1;

/// ioctl queries in the network namespace that `socket` was opened in.
class DeviceQueries {
  public:
    DeviceQueries(int socket, const std::string& name) : socket_(socket) {
        name.copy(request_.ifr_name, IFNAMSIZ - 1);
    }

    const ifreq* query(unsigned long what) {
        return ::ioctl(socket_, what, &request_) == 0 ? &request_ : nullptr;
    }

    std::string driver() {
        ethtool_drvinfo info{};
        info.cmd = ETHTOOL_GDRVINFO;
        request_.ifr_data = reinterpret_cast<char*>(&info);
        return query(SIOCETHTOOL) != nullptr ? info.driver : "";
    }

  private:
    int socket_;
    ifreq request_{};
};

using Names = std::unique_ptr<struct if_nameindex, decltype(&::if_freenameindex)>;

/// Null if the kernel does not say.
Names all_names() {
    return {::if_nameindex(), &::if_freenameindex};
}

std::string hint_for(const std::string& name) {
    std::vector<std::string_view> known;
    const Names names = all_names();
    for (const auto* each = names.get(); each != nullptr && each->if_index != 0; each++) {
        known.emplace_back(each->if_name);
    }
    const auto meant = nearest(name, known);
    return meant ? fmt::format("did you mean {}? `ip link` lists them", *meant)
                 : "list them with `ip link`";
}

}  // namespace

bool Interface::has_ethernet() const {
    return hardware == ARPHRD_ETHER || hardware == ARPHRD_LOOPBACK;
}

Result<Interface> find_interface(const std::string& name) {
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) {
        return fail_errno("open a socket", "", errno);
    }
    if (name.empty() || name.size() >= IFNAMSIZ) {
        return fail({.object = name.empty() ? "''" : name,
                     .errno_value = ENODEV,
                     .reason = "no interface has such a name",
                     .hint = "list them with `ip link`"});
    }
    DeviceQueries queries(socket.get(), name);
    Interface found{.name = name, .driver = {}};
    const ifreq* answer = queries.query(SIOCGIFINDEX);
    if (answer == nullptr) {
        if (errno != ENODEV) {
            return fail_errno("look up", name, errno);
        }
        return fail({.object = name,
                     .errno_value = ENODEV,
                     .reason = "no such interface",
                     .hint = hint_for(name)});
    }
    found.index = static_cast<std::uint32_t>(answer->ifr_ifindex);
    if ((answer = queries.query(SIOCGIFFLAGS)) != nullptr) {
        found.up = (answer->ifr_flags & IFF_UP) != 0;
        found.running = (answer->ifr_flags & IFF_RUNNING) != 0;
        found.loopback = (answer->ifr_flags & IFF_LOOPBACK) != 0;
    }
    if ((answer = queries.query(SIOCGIFMTU)) != nullptr) {
        found.mtu = static_cast<std::uint32_t>(answer->ifr_mtu);
    }
    if ((answer = queries.query(SIOCGIFHWADDR)) != nullptr) {
        found.hardware = answer->ifr_hwaddr.sa_family;
    }
    found.wireless = queries.query(kWirelessName) != nullptr;
    found.driver = queries.driver();
    found.merges_in_hardware = has_any_feature(socket.get(), name, {"rx-lro", "rx-gro-hw"});
    return found;
}

Result<std::vector<Interface>> list_interfaces() {
    const Names names = all_names();
    if (names == nullptr) {
        return fail_errno("list interfaces", "", errno);
    }
    std::vector<Interface> found;
    for (const struct if_nameindex* name = names.get(); name->if_index != 0; name++) {
        if (Result<Interface> interface = find_interface(name->if_name)) {
            found.push_back(*std::move(interface));  // otherwise it disappeared meanwhile
        }
    }
    std::ranges::sort(found, {}, &Interface::index);
    return found;
}

Result<XdpState> xdp_state(std::uint32_t ifindex) {
    const LibbpfMessages quiet;
    LIBBPF_OPTS(bpf_xdp_query_opts, answer);
    const int error = bpf_xdp_query(static_cast<int>(ifindex), 0, &answer);
    if (error != 0) {
        return fail_errno("query the XDP program of", "interface " + std::to_string(ifindex),
                          error);
    }
    switch (answer.attach_mode) {
        case XDP_ATTACHED_DRV:
            return XdpState{XdpMode::native, answer.drv_prog_id};
        case XDP_ATTACHED_SKB:
            return XdpState{XdpMode::generic, answer.skb_prog_id};
        case XDP_ATTACHED_HW:
            return XdpState{XdpMode::offloaded, answer.hw_prog_id};
        case XDP_ATTACHED_MULTI:
            return XdpState{XdpMode::several,
                            answer.drv_prog_id != 0 ? answer.drv_prog_id : answer.skb_prog_id};
        default:
            return XdpState{};
    }
}

NativeXdp native_xdp(std::uint32_t ifindex) {
    const LibbpfMessages quiet;
    LIBBPF_OPTS(bpf_xdp_query_opts, answer);
    if (bpf_xdp_query(static_cast<int>(ifindex), 0, &answer) != 0) {
        return NativeXdp::unknown;
    }
    if ((answer.feature_flags & kXdpBasic) != 0) {
        return NativeXdp::yes;
    }
    // A kernel without the netdev netlink family reports 0, too.
    return KernelRelease::running().at_least(6, 3) ? NativeXdp::no : NativeXdp::unknown;
}

}  // namespace flowstamp::kernel
