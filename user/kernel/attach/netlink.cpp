// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/kernel/attach/netlink.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "user/base/fd.h"

namespace flowstamp::kernel {

namespace {

/// How far the answer to a dump request has come.
struct DumpEnd {
    bool is_reached = false;
    int error = 0;  ///< errno, negative as the kernel sends it
};

DumpEnd end_of(Bytes datagram) {
    DumpEnd end;
    const bool is_whole = each_message(datagram, [&](const nlmsghdr& header, Bytes body) {
        if (header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR) {
            end.is_reached = true;
            std::memcpy(&end.error, body.data(), std::min(sizeof(end.error), body.size()));
        }
        if (header.nlmsg_flags & NLM_F_DUMP_INTR) {
            end = {.is_reached = true, .error = -EAGAIN};
        }
        return !end.is_reached;
    });
    return is_whole ? end : DumpEnd{.is_reached = true, .error = -EBADMSG};
}

}  // namespace

Status dump(Bytes request, const std::string& what,
            const std::function<void(Bytes datagram)>& take) {
    return ask(NETLINK_ROUTE, request, "list", what, take);
}

Status ask(int protocol, Bytes request, const std::string& operation, const std::string& what,
           const std::function<void(Bytes datagram)>& take) {
    const Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    if (!socket || ::sendto(socket.get(), request.data(), request.size(), 0,
                            reinterpret_cast<const sockaddr*>(&kernel), sizeof(kernel)) < 0) {
        return fail_errno(operation, what, errno);
    }
    alignas(nlmsghdr) std::array<std::byte, 32768> buffer;  // the kernel's own limit for a dump
    for (DumpEnd end; !end.is_reached;) {
        const ssize_t got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail_errno(operation, what, errno);
        }
        const Bytes datagram = Bytes(buffer).first(static_cast<std::size_t>(got));
        end = end_of(datagram);
        if (end.error != 0) {
            return fail_errno(operation, what, end.error);
        }
        take(datagram);
    }
    return {};
}

}  // namespace flowstamp::kernel
