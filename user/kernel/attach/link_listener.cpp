// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/attach/link_listener.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <iterator>
#include <span>
#include <utility>

namespace flowstamp::kernel {

namespace {

struct Request {
    nlmsghdr header;
    ifinfomsg body;
};

}  // namespace

Result<LinkListener> LinkListener::open() {
    Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_LINK;
    if (!socket ||
        ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        return fail_errno("listen to changes of", "the interfaces", errno);
    }
    return LinkListener(std::move(socket));
}

Result<LinkNews> LinkListener::read() {
    LinkNews news;
    Result<Got> got = Got::message;
    while (got && *got != Got::nothing) {
        got = read_one(news.links);
        is_behind_ |= got && *got == Got::loss;
    }
    if (!got) {
        return std::unexpected(got.error());
    }
    if (!is_behind_) {
        return news;
    }
    // What came before is in the list, too, and what comes from now on is still to be read.
    Result<std::vector<LinkMessage>> all = all_links();
    if (!all) {
        return LinkNews{};  // tried again at the next reading
    }
    is_behind_ = false;
    return LinkNews{.links = *std::move(all), .is_everything = true};
}

Result<LinkListener::Got> LinkListener::read_one(std::vector<LinkMessage>& links) {
    alignas(nlmsghdr) std::array<std::byte, 32768> buffer;
    sockaddr_nl sender{};
    socklen_t sender_bytes = sizeof(sender);
    const ssize_t got = ::recvfrom(socket_.get(), buffer.data(), buffer.size(), MSG_TRUNC,
                                   reinterpret_cast<sockaddr*>(&sender), &sender_bytes);
    if (got < 0) {
        switch (errno) {
            case EAGAIN:
                return Got::nothing;
            case EINTR:
                return Got::message;
            case ENOBUFS:
                return Got::loss;
            default:
                return fail_errno("read", "the changes of the interfaces", errno);
        }
    }
    if (sender.nl_pid != 0) {  // not from the kernel
        return Got::message;
    }
    if (static_cast<std::size_t>(got) > buffer.size()) {
        return Got::loss;
    }
    auto parsed = parse_links(Bytes(buffer).first(static_cast<std::size_t>(got)));
    if (!parsed) {
        return Got::loss;
    }
    std::ranges::move(*parsed, std::back_inserter(links));
    return Got::message;
}

Result<std::vector<LinkMessage>> all_links() {
    Request request{};
    request.header.nlmsg_len = sizeof(request);
    request.header.nlmsg_type = RTM_GETLINK;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    std::vector<LinkMessage> links;
    bool is_readable = true;
    const Status listed =
        dump(std::as_bytes(std::span(&request, 1)), "interfaces", [&](Bytes datagram) {
            auto some = parse_links(datagram);
            is_readable &= some.has_value();
            if (some) {
                std::ranges::move(*some, std::back_inserter(links));
            }
        });
    if (!listed) {
        return std::unexpected(listed.error());
    }
    if (!is_readable) {
        return fail_errno("list", "interfaces", EBADMSG);
    }
    return links;
}

}  // namespace flowstamp::kernel
