// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/readiness.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>

namespace flowstamp::lab {
namespace {

/// Polls `is_ready` in the host's namespace each millisecond, for five seconds.
template <class IsReady>
Status await(const Namespace& host, const std::string& what, const IsReady& is_ready) {
    return host.run_in([&]() -> Status {
        for (int attempt = 0; attempt < 5000; ++attempt) {
            if (is_ready()) {
                return {};
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return fail_errno("await", host.role() + " " + what, ETIMEDOUT);
    });
}

bool link_is_running(const std::string& interface) {
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    interface.copy(request.ifr_name, IFNAMSIZ - 1);
    ethtool_value link{.cmd = ETHTOOL_GLINK, .data = 0};
    request.ifr_data = reinterpret_cast<char*>(&link);
    return ioctl(socket.get(), SIOCETHTOOL, &request) == 0 &&
           ioctl(socket.get(), SIOCGIFFLAGS, &request) == 0 &&
           (request.ifr_flags & IFF_RUNNING) != 0;
}

/// Whether the calling thread's namespace has a host route for this address: its local route.
bool has_host_route(const IpAddress& address) {
    // A line begins with the destination in hexadecimal and the prefix length, 128.
    const std::string begin = fmt::format("{:02x} 80 ", fmt::join(address.wire(), ""));
    std::ifstream routes("/proc/thread-self/net/ipv6_route");
    for (std::string line; std::getline(routes, line);) {
        if (line.starts_with(begin)) {
            return true;
        }
    }
    return false;
}

}  // namespace

Status await_link(const Namespace& host, const std::string& interface) {
    return await(host, interface, [&] { return link_is_running(interface); });
}

Status await_link(const Namespace& host, Side toward) {
    return await_link(host, host.toward(toward).name);
}

Status await_address(const Namespace& host, Side toward) {
    const IpAddress& address = host.toward(toward).ipv6;
    return await(host, address.text(), [&] { return has_host_route(address); });
}

}  // namespace flowstamp::lab
