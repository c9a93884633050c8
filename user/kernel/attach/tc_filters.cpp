// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/attach/tc_filters.h"

#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "user/kernel/attach/netlink.h"
#include "user/kernel/features/bpf_objects.h"
#include "vmlinux/uapi.h"

namespace flowstamp::kernel {

namespace {

struct Request {
    nlmsghdr header;
    tcmsg body;
};

Request filters_of(std::uint32_t ifindex, TcDirection direction) {
    Request request{};
    request.header.nlmsg_len = sizeof(request);
    request.header.nlmsg_type = RTM_GETTFILTER;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.body.tcm_ifindex = static_cast<int>(ifindex);
    request.body.tcm_parent = TC_H_MAKE(
        TC_H_CLSACT, direction == TcDirection::ingress ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
    return request;
}

void read_bpf_options(Bytes bytes, TcFilter& filter) {
    each_attribute(bytes, [&](int type, Bytes value) {
        if (type == TCA_BPF_NAME) {
            filter.name = text_of(value);
        } else if (type == TCA_BPF_ID) {
            read_number(value, filter.program_id);
        }
    });
}

/// The kernel also lists the chain's head, as a filter without a handle: nothing for that one.
std::optional<TcFilter> read_filter(Bytes bytes) {
    tcmsg body{};
    if (bytes.size() < sizeof(body)) {
        return std::nullopt;
    }
    std::memcpy(&body, bytes.data(), sizeof(body));
    TcFilter filter{
        .handle = body.tcm_handle, .priority = TC_H_MAJ(body.tcm_info) >> 16, .name = {}};
    each_attribute(bytes.subspan(sizeof(body)), [&](int type, Bytes value) {
        if (type == TCA_OPTIONS) {
            read_bpf_options(value, filter);
        }
    });
    return filter.handle == 0 ? std::nullopt : std::optional(std::move(filter));
}

/// Another watch's programs never end the chain, so they do not count. Without CAP_SYS_ADMIN names
/// are hidden: then they do.
constexpr std::string_view kOwnPrograms = "flowstamp_tc";

}  // namespace

Result<std::vector<TcFilter>> tc_filters(std::uint32_t ifindex, TcDirection direction) {
    const Request request = filters_of(ifindex, direction);
    std::vector<TcFilter> filters;
    const Status listed =
        dump(std::as_bytes(std::span(&request, 1)), "tc filters", [&](Bytes datagram) {
            each_message(datagram, [&](const nlmsghdr& header, Bytes body) {
                auto filter =
                    header.nlmsg_type == RTM_NEWTFILTER ? read_filter(body) : std::nullopt;
                if (filter) {
                    filters.push_back(*std::move(filter));
                }
                return true;
            });
        });
    return listed ? Result<std::vector<TcFilter>>(std::move(filters))
                  : std::unexpected(listed.error());
}

std::size_t others_at_egress(std::uint32_t ifindex, bool clsact) {
    if (!clsact) {
        return std::ranges::count_if(tcx_programs(ifindex, BPF_TCX_EGRESS), [](std::uint32_t id) {
            return !program_name(id).starts_with(kOwnPrograms);
        });
    }
    const Result<std::vector<TcFilter>> filters = tc_filters(ifindex, TcDirection::egress);
    return !filters ? 0 : std::ranges::count_if(*filters, [](const TcFilter& filter) {
        return !filter.name.starts_with(kOwnPrograms);
    });
}

}  // namespace flowstamp::kernel
