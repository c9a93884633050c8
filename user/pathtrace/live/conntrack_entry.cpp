// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/conntrack_entry.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <cerrno>
#include <cstring>

#include "user/kernel/attach/netlink.h"
#include "user/kernel/attach/netlink_request.h"
#include "user/pathtrace/path_tuple.h"

namespace flowstamp::pathtrace {

namespace {

using kernel::Bytes;

struct Address6 {
    __be32 words[4];
};

Address6 whole(const __be32 (&address)[4]) {
    Address6 copy;
    std::memcpy(copy.words, address, sizeof(copy.words));
    return copy;
}

void put_tuple(kernel::NetlinkRequest& request, const fst_path_tuple& tuple) {
    request.nested(CTA_TUPLE_ORIG, [&] {
        request.nested(CTA_TUPLE_IP, [&] {
            if (is_ipv4(tuple.source)) {
                request.attribute(CTA_IP_V4_SRC, tuple.source[3]);
                request.attribute(CTA_IP_V4_DST, tuple.destination[3]);
            } else {
                request.attribute(CTA_IP_V6_SRC, whole(tuple.source));
                request.attribute(CTA_IP_V6_DST, whole(tuple.destination));
            }
        });
        request.nested(CTA_TUPLE_PROTO, [&] {
            request.attribute(CTA_PROTO_NUM, tuple.protocol);
            request.attribute(CTA_PROTO_SRC_PORT, tuple.source_port);
            request.attribute(CTA_PROTO_DST_PORT, tuple.destination_port);
        });
    });
}

void read_v4(Bytes value, __be32 (&address)[4]) {
    if (kernel::read_number(value, address[3])) {
        address[0] = address[1] = 0;
        address[2] = htonl(0xffff);
    }
}

void read_v6(Bytes value, __be32 (&address)[4]) {
    if (value.size() == sizeof(address)) {
        std::memcpy(address, value.data(), sizeof(address));
    }
}

void read_addresses(Bytes attributes, fst_path_tuple& tuple) {
    kernel::each_attribute(attributes, [&](std::uint16_t type, Bytes value) {
        switch (type) {
            case CTA_IP_V4_SRC:
                return read_v4(value, tuple.source);
            case CTA_IP_V4_DST:
                return read_v4(value, tuple.destination);
            case CTA_IP_V6_SRC:
                return read_v6(value, tuple.source);
            case CTA_IP_V6_DST:
                return read_v6(value, tuple.destination);
            default:
                return;
        }
    });
}

void read_ports(Bytes attributes, fst_path_tuple& tuple) {
    kernel::each_attribute(attributes, [&](std::uint16_t type, Bytes value) {
        if (type == CTA_PROTO_NUM) {
            kernel::read_number(value, tuple.protocol);
        } else if (type == CTA_PROTO_SRC_PORT) {
            kernel::read_number(value, tuple.source_port);
        } else if (type == CTA_PROTO_DST_PORT) {
            kernel::read_number(value, tuple.destination_port);
        }
    });
}

std::optional<fst_path_tuple> original_of(Bytes attributes) {
    std::optional<fst_path_tuple> found;
    kernel::each_attribute(attributes, [&](std::uint16_t type, Bytes value) {
        if (type != CTA_TUPLE_ORIG) {
            return;
        }
        found = fst_path_tuple{};
        kernel::each_attribute(value, [&](std::uint16_t part, Bytes inner) {
            if (part == CTA_TUPLE_IP) {
                read_addresses(inner, *found);
            } else if (part == CTA_TUPLE_PROTO) {
                read_ports(inner, *found);
            }
        });
    });
    return found;
}

}  // namespace

Result<std::optional<fst_path_tuple>> find_conntrack_entry(const fst_path_tuple& tuple) {
    constexpr const char* kOperation = "look up";
    constexpr const char* kWhat = "an entry of connection tracking";
    if (tuple.source_port == 0 || tuple.protocol == IPPROTO_ICMP ||
        tuple.protocol == IPPROTO_ICMPV6) {
        return fail_errno(kOperation, kWhat, EPROTONOSUPPORT);
    }
    kernel::NetlinkRequest request((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET, NLM_F_ACK);
    request.put(
        nfgenmsg{.nfgen_family = static_cast<__u8>(is_ipv4(tuple.source) ? AF_INET : AF_INET6),
                 .version = NFNETLINK_V0,
                 .res_id = 0});
    put_tuple(request, tuple);
    std::optional<fst_path_tuple> found;
    const Status asked =
        kernel::ask(NETLINK_NETFILTER, request.bytes(), kOperation, kWhat, [&](Bytes datagram) {
            kernel::each_message(datagram, [&](const nlmsghdr& header, Bytes body) {
                if (header.nlmsg_type >= NLMSG_MIN_TYPE && body.size() >= sizeof(nfgenmsg)) {
                    found = original_of(body.subspan(sizeof(nfgenmsg)));
                }
                return true;
            });
        });
    if (!asked && asked.error().errno_value != ENOENT) {
        return std::unexpected(asked.error());
    }
    return found;
}

}  // namespace flowstamp::pathtrace
