// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/attach/tc_filters.h"

#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "user/base/fd.h"
#include "user/kernel/features/bpf_objects.h"
#include "vmlinux/uapi.h"

namespace flowstamp::kernel {

namespace {

struct Request {
    nlmsghdr header;
    tcmsg body;
};

std::optional<int> request_filters(int socket, std::uint32_t ifindex, TcDirection direction) {
    Request request{};
    request.header.nlmsg_len = sizeof(request);
    request.header.nlmsg_type = RTM_GETTFILTER;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.body.tcm_ifindex = static_cast<int>(ifindex);
    request.body.tcm_parent = TC_H_MAKE(
        TC_H_CLSACT, direction == TcDirection::ingress ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    const ssize_t sent = ::sendto(socket, &request, sizeof(request), 0,
                                  reinterpret_cast<const sockaddr*>(&kernel), sizeof(kernel));
    return sent < 0 ? std::optional(errno) : std::nullopt;
}

/// Calls `visit(type, payload)` for each attribute; stops at a malformed one.
template <class Visit>
void each_attribute(std::span<const std::byte> bytes, Visit&& visit) {
    while (bytes.size() >= sizeof(nlattr)) {
        nlattr attribute;
        std::memcpy(&attribute, bytes.data(), sizeof(attribute));
        if (attribute.nla_len < sizeof(attribute) || attribute.nla_len > bytes.size()) {
            return;
        }
        visit(attribute.nla_type & NLA_TYPE_MASK,
              bytes.subspan(sizeof(attribute), attribute.nla_len - sizeof(attribute)));
        const std::size_t step = NLA_ALIGN(attribute.nla_len);
        bytes = bytes.subspan(std::min<std::size_t>(step, bytes.size()));
    }
}

void read_bpf_options(std::span<const std::byte> bytes, TcFilter& filter) {
    each_attribute(bytes, [&](int type, std::span<const std::byte> value) {
        if (type == TCA_BPF_NAME && !value.empty()) {
            const char* text = reinterpret_cast<const char*>(value.data());
            filter.name.assign(text, ::strnlen(text, value.size()));
        } else if (type == TCA_BPF_ID && value.size() == sizeof(filter.program_id)) {
            std::memcpy(&filter.program_id, value.data(), sizeof(filter.program_id));
        }
    });
}

/// The kernel also lists the chain's head, as a filter without a handle: nothing for that one.
std::optional<TcFilter> read_filter(std::span<const std::byte> bytes) {
    tcmsg body{};
    if (bytes.size() < sizeof(body)) {
        return std::nullopt;
    }
    std::memcpy(&body, bytes.data(), sizeof(body));
    TcFilter filter{
        .handle = body.tcm_handle, .priority = TC_H_MAJ(body.tcm_info) >> 16, .name = {}};
    each_attribute(bytes.subspan(NLMSG_ALIGN(sizeof(body))),
                   [&](int type, std::span<const std::byte> value) {
                       if (type == TCA_OPTIONS) {
                           read_bpf_options(value, filter);
                       }
                   });
    return filter.handle == 0 ? std::nullopt : std::optional(std::move(filter));
}

/// Collects the filters of one datagram. True: more datagrams follow.
Result<bool> read_datagram(std::span<const std::byte> bytes, std::vector<TcFilter>& filters) {
    while (bytes.size() >= sizeof(nlmsghdr)) {
        nlmsghdr header;
        std::memcpy(&header, bytes.data(), sizeof(header));
        if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > bytes.size()) {
            break;
        }
        const auto body = bytes.subspan(NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN);
        if (header.nlmsg_type == NLMSG_DONE) {
            return false;
        }
        if (header.nlmsg_type == NLMSG_ERROR) {
            int error = 0;
            std::memcpy(&error, body.data(), std::min(sizeof(error), body.size()));
            return fail_errno("list", "tc filters", error);
        }
        if (header.nlmsg_type == RTM_NEWTFILTER) {
            if (std::optional<TcFilter> filter = read_filter(body)) {
                filters.push_back(*std::move(filter));
            }
        }
        const std::size_t step = NLMSG_ALIGN(header.nlmsg_len);
        bytes = bytes.subspan(std::min<std::size_t>(step, bytes.size()));
    }
    return true;
}

/// Another watch's programs never end the chain, so they do not count. Without CAP_SYS_ADMIN names
/// are hidden: then they do.
constexpr std::string_view kOwnPrograms = "flowstamp_tc";

}  // namespace

Result<std::vector<TcFilter>> tc_filters(std::uint32_t ifindex, TcDirection direction) {
    const Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!socket) {
        return fail_errno("list", "tc filters", errno);
    }
    if (const std::optional<int> error = request_filters(socket.get(), ifindex, direction)) {
        return fail_errno("list", "tc filters", *error);
    }
    std::vector<TcFilter> filters;
    alignas(nlmsghdr) std::array<std::byte, 32768> buffer;  // the kernel's own limit for a dump
    for (;;) {
        const ssize_t got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
        if (got < 0) {
            return fail_errno("list", "tc filters", errno);
        }
        const Result<bool> more =
            read_datagram(std::span(buffer).first(static_cast<std::size_t>(got)), filters);
        if (!more) {
            return std::unexpected(more.error());
        }
        if (!*more) {
            return filters;
        }
    }
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
