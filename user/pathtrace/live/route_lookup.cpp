// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/route_lookup.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "user/kernel/attach/netlink.h"
#include "user/kernel/attach/netlink_request.h"
#include "user/pathtrace/path_tuple.h"

namespace flowstamp::pathtrace {

namespace {

using kernel::Bytes;

void put_address(kernel::NetlinkRequest& request, std::uint16_t type, const __be32 (&address)[4]) {
    if (is_ipv4(address)) {
        request.attribute(type, address[3]);
        return;
    }
    std::array<__be32, 4> whole;
    std::memcpy(whole.data(), address, sizeof(address));
    request.attribute(type, whole);
}

Route read_route(Bytes attributes) {
    Route route;
    kernel::each_attribute(attributes, [&](std::uint16_t type, Bytes value) {
        if (type == RTA_OIF) {
            kernel::read_number(value, route.ifindex_out);
        } else if (type == RTA_METRICS) {
            kernel::each_attribute(value, [&](std::uint16_t metric, Bytes number) {
                if (metric == RTAX_MTU) {
                    kernel::read_number(number, route.mtu);
                }
            });
        }
    });
    return route;
}

/// IPv6 answers with a route where IPv4 answers with an error. A positive errno, or 0.
int error_of(unsigned char type) {
    switch (type) {
        case RTN_UNREACHABLE:
            return EHOSTUNREACH;
        case RTN_PROHIBIT:
            return EACCES;
        case RTN_BLACKHOLE:
            return EINVAL;
        default:
            return 0;
    }
}

}  // namespace

Result<Route> find_route(const RouteQuestion& question) {
    const bool v4 = is_ipv4(question.to);
    const auto bits = static_cast<unsigned char>(v4 ? 32 : 128);
    kernel::NetlinkRequest request(RTM_GETROUTE, NLM_F_ACK);
    rtmsg header{};
    header.rtm_family = v4 ? AF_INET : AF_INET6;
    const bool has_source =
        std::ranges::any_of(question.from, [](__be32 word) { return word != 0; });
    header.rtm_dst_len = bits;
    header.rtm_src_len = has_source ? bits : 0;
    request.put(header);
    put_address(request, RTA_DST, question.to);
    if (has_source) {
        put_address(request, RTA_SRC, question.from);
    }
    request.attribute(RTA_MARK, question.mark);
    if (question.ifindex_in != 0) {
        request.attribute(RTA_IIF, question.ifindex_in);
    }
    if (question.ifindex_out != 0) {
        request.attribute(RTA_OIF, question.ifindex_out);
    }
    Route route;
    int error = 0;
    const Status asked =
        kernel::ask(NETLINK_ROUTE, request.bytes(), "look up", "a route", [&](Bytes datagram) {
            kernel::each_message(datagram, [&](const nlmsghdr& answer, Bytes body) {
                if (answer.nlmsg_type == RTM_NEWROUTE && body.size() >= sizeof(rtmsg)) {
                    std::memcpy(&header, body.data(), sizeof(header));
                    error = error_of(header.rtm_type);
                    route = read_route(body.subspan(sizeof(rtmsg)));
                    route.is_own = header.rtm_type == RTN_LOCAL;
                }
                return true;
            });
        });
    if (asked && error != 0) {
        return fail_errno("look up", "a route", error);
    }
    return asked ? Result<Route>(route) : std::unexpected(asked.error());
}

}  // namespace flowstamp::pathtrace
