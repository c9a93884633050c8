// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/locate/raw_sockets.h"

#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "user/base/clock.h"

namespace flowstamp::locate {

namespace {

constexpr std::size_t kMappedAt = 12;  ///< of an IPv4 address in ::ffff:a.b.c.d

Result<Fd> raw_socket(int family, int protocol) {
    Fd socket(::socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
    if (!socket) {
        return fail_errno("open", "a raw socket", errno, "it needs CAP_NET_RAW: run as root");
    }
    return socket;
}

/// Only "time exceeded" is received, of all messages.
bool set_filter(const Fd& icmp, bool is_v4) {
    if (is_v4) {
        const icmp_filter filter{.data = ~(1U << ICMP_TIME_EXCEEDED)};
        return ::setsockopt(icmp.get(), SOL_RAW, ICMP_FILTER, &filter, sizeof(filter)) == 0;
    }
    icmp6_filter filter;
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ICMP6_TIME_EXCEEDED, &filter);
    constexpr int kOn = 1;
    return ::setsockopt(icmp.get(), IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)) == 0 &&
           ::setsockopt(icmp.get(), IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &kOn, sizeof(kOn)) == 0;
}

/// The hop limit that came with an IPv6 packet.
std::optional<std::uint8_t> hop_limit_of(msghdr& message) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
         part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_HOPLIMIT) {
            int limit = 0;
            std::memcpy(&limit, CMSG_DATA(part), sizeof(limit));
            return static_cast<std::uint8_t>(limit);
        }
    }
    return std::nullopt;
}

net::Endpoint v4_sender(const iphdr& ip) {
    net::Endpoint sender;
    sender.address[kMappedAt - 2] = sender.address[kMappedAt - 1] = 0xff;
    std::memcpy(sender.address.data() + kMappedAt, &ip.saddr, sizeof(ip.saddr));
    return sender;
}

/// A raw IPv4 socket receives the IP header too (raw(7)).
bool read_v4(std::span<const std::uint8_t> packet, IcmpAnswer& answer) {
    iphdr ip;
    if (packet.size() < sizeof(ip)) {
        return false;
    }
    std::memcpy(&ip, packet.data(), sizeof(ip));
    const auto quote =
        time_exceeded_v4(packet.subspan(std::min(packet.size(), std::size_t{ip.ihl} * 4)));
    answer.router = v4_sender(ip);
    answer.ttl = ip.ttl;
    answer.quote = quote.value_or(TimeExceeded{});
    return quote.has_value();
}

bool read_v6(std::span<const std::uint8_t> packet, const sockaddr_in6& from, msghdr& message,
             IcmpAnswer& answer) {
    const auto quote = time_exceeded_v6(packet);
    std::memcpy(answer.router.address.data(), &from.sin6_addr, sizeof(from.sin6_addr));
    answer.ttl = hop_limit_of(message);
    answer.quote = quote.value_or(TimeExceeded{});
    return quote.has_value();
}

}  // namespace

Result<RawSockets> RawSockets::open(bool is_v4) {
    const int family = is_v4 ? AF_INET : AF_INET6;
    auto sender = raw_socket(family, IPPROTO_RAW);  // which is sent to with IP headers
    if (!sender) {
        return std::unexpected(sender.error());
    }
    auto icmp = raw_socket(family, is_v4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6});
    if (!icmp) {
        return std::unexpected(icmp.error());
    }
    if (!set_filter(*icmp, is_v4)) {
        return fail_errno("filter", "a raw socket", errno);
    }
    return RawSockets(is_v4, std::move(*sender), std::move(*icmp));
}

Status RawSockets::send(std::span<const std::uint8_t> packet,
                        const net::Endpoint& destination) const {
    sockaddr_in v4{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {}, .sin_zero = {}};
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    std::memcpy(&v4.sin_addr, destination.address.data() + kMappedAt, sizeof(v4.sin_addr));
    std::memcpy(&v6.sin6_addr, destination.address.data(), sizeof(v6.sin6_addr));
    const auto* to =
        is_v4_ ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
    const socklen_t bytes = is_v4_ ? sizeof(v4) : sizeof(v6);
    if (::sendto(sender_.get(), packet.data(), packet.size(), 0, to, bytes) < 0) {
        return fail_errno("send a probe", destination.ip_text(), errno);
    }
    return {};
}

std::optional<IcmpAnswer> RawSockets::receive() const {
    constexpr std::size_t kMost = 2048;
    std::array<std::uint8_t, kMost> buffer;
    alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof(int))> control;
    for (;;) {
        sockaddr_in6 from{};  // of IPv4 the header tells it
        iovec part{.iov_base = buffer.data(), .iov_len = buffer.size()};
        msghdr message{};
        message.msg_name = &from;
        message.msg_namelen = sizeof(from);
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t bytes = ::recvmsg(icmp_.get(), &message, 0);
        if (bytes < 0) {
            return std::nullopt;
        }
        const std::span<const std::uint8_t> packet(buffer.data(), static_cast<std::size_t>(bytes));
        IcmpAnswer answer{.received = SystemClock().monotonic()};
        if (is_v4_ ? read_v4(packet, answer) : read_v6(packet, from, message, answer)) {
            return answer;
        }
    }
}

}  // namespace flowstamp::locate
