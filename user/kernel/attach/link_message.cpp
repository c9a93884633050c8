// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/attach/link_message.h"

#include <linux/rtnetlink.h>
#include <net/if.h>

#include <utility>

namespace flowstamp::kernel {

namespace {

/// IFLA_NEW_NETNSID of <linux/if_link.h>: where a deleted interface has gone (since 4.15).
constexpr int kNewNamespace = 45;

/// Nothing if it is cut off or malformed.
std::optional<LinkMessage> parse_link(bool is_deleted, const ifinfomsg& info, Bytes attributes) {
    LinkMessage link{.index = static_cast<std::uint32_t>(info.ifi_index),
                     .is_up = (info.ifi_flags & IFF_UP) != 0,
                     .is_deleted = is_deleted};
    const bool is_whole = each_attribute(attributes, [&](int type, Bytes value) {
        switch (type) {
            case IFLA_IFNAME:
                link.name = text_of(value);
                break;
            case IFLA_MTU:
                read_number(value, link.mtu);
                break;
            case kNewNamespace:
                link.is_elsewhere = is_deleted;
                break;
            default:
                break;
        }
    });
    return is_whole ? std::optional(std::move(link)) : std::nullopt;
}

}  // namespace

std::optional<std::vector<LinkMessage>> parse_links(Bytes datagram) {
    std::vector<LinkMessage> links;
    bool is_readable = true;
    const bool is_whole = each_message(datagram, [&](const nlmsghdr& header, Bytes body) {
        if (header.nlmsg_type != RTM_NEWLINK && header.nlmsg_type != RTM_DELLINK) {
            return true;
        }
        ifinfomsg info{};
        if (body.size() < sizeof(info)) {
            is_readable = false;
            return false;
        }
        std::memcpy(&info, body.data(), sizeof(info));
        // Of another family it is about a bridge's port: deleted, that has only left its bridge.
        if (info.ifi_family != AF_UNSPEC) {
            return true;
        }
        auto link = parse_link(header.nlmsg_type == RTM_DELLINK, info, body.subspan(sizeof(info)));
        is_readable = link.has_value();
        if (link) {
            links.push_back(*std::move(link));
        }
        return is_readable;
    });
    return is_whole && is_readable ? std::optional(std::move(links)) : std::nullopt;
}

}  // namespace flowstamp::kernel
