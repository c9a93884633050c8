// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/metrics/listen_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include "user/base/fd.h"

namespace flowstamp::metrics {

namespace {

/// The address as a socket takes it.
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t bytes = 0;
};

SocketAddress socket_address(const ListenAddress& address) {
    SocketAddress its;
    if (address.is_v6) {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(address.port);
        ::inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr);
        std::memcpy(&its.storage, &v6, sizeof(v6));
        its.bytes = sizeof(v6);
    } else {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(address.port);
        ::inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr);
        std::memcpy(&its.storage, &v4, sizeof(v4));
        its.bytes = sizeof(v4);
    }
    return its;
}

std::optional<std::uint16_t> port_of(std::string_view text) {
    std::uint16_t port = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    const bool is_port = error == std::errc{} && stop == text.data() + text.size() && port != 0;
    return is_port ? std::optional(port) : std::nullopt;
}

/// Sets host, is_v6 and is_loopback. `host`: with the brackets of an IPv6 address.
bool read_host(std::string_view host, ListenAddress& address) {
    address.host = host.empty() || host == "localhost" ? "127.0.0.1" : host;
    in_addr v4{};
    if (::inet_pton(AF_INET, address.host.c_str(), &v4) == 1) {
        address.is_loopback = ntohl(v4.s_addr) >> 24U == IN_LOOPBACKNET;
        return true;
    }
    if (!host.starts_with('[') || !host.ends_with(']')) {
        return false;
    }
    address.host = host.substr(1, host.size() - 2);
    in6_addr v6{};
    address.is_v6 = ::inet_pton(AF_INET6, address.host.c_str(), &v6) == 1;
    address.is_loopback = address.is_v6 && IN6_IS_ADDR_LOOPBACK(&v6);
    return address.is_v6;
}

std::string hint_for(int error) {
    switch (error) {
        case EADDRINUSE:
            return "choose another port (`ss -ltnp` lists those in use)";
        case EADDRNOTAVAIL:
            return "it is no address of this host (`ip address` lists them)";
        case EACCES:
            return "choose a port from 1024 on, or give CAP_NET_BIND_SERVICE";
        default:
            return "";
    }
}

}  // namespace

std::string ListenAddress::text() const {
    return is_v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    const bool has_host = colon != std::string_view::npos;
    ListenAddress address;
    const auto port = port_of(has_host ? text.substr(colon + 1) : text);
    if (!port || !read_host(has_host ? text.substr(0, colon) : "", address)) {
        return fail({.object = std::string(text),
                     .reason = "not an address and a port",
                     .hint = "write 127.0.0.1:9464"});
    }
    address.port = *port;
    return address;
}

Status check_free(const ListenAddress& address) {
    const auto failed = [&address](int error) {
        return fail_errno("listen", address.text(), error, hint_for(error));
    };
    const Fd socket(::socket(address.is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int yes = 1;  // as the server does: connections that have ended keep no port
    const SocketAddress its = socket_address(address);
    if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
        ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&its.storage), its.bytes) != 0 ||
        ::listen(socket.get(), 1) != 0) {
        return failed(errno);
    }
    return {};
}

}  // namespace flowstamp::metrics
