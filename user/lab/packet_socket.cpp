// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/packet_socket.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>

namespace flowstamp::lab {
namespace {

/// In the calling thread's network namespace.
Result<Fd> open_socket() {
    Fd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL)));
    const int on = 1;
    const int receive_bytes = 16 << 20;
    if (!socket ||
        setsockopt(socket.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) != 0 ||
        setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes,
                   sizeof(receive_bytes)) != 0) {
        return fail_errno("open", "packet socket", errno);
    }
    return socket;
}

/// The index of the host's interface toward that end; 0 if it has none.
Result<int> interface_index(const Namespace& host, Side toward) {
    if (!host.has(toward)) {
        return 0;
    }
    const std::string& name = host.toward(toward).name;
    const unsigned index = if_nametoindex(name.c_str());
    if (index == 0) {
        return fail_errno("find interface", host.role() + " " + name, errno);
    }
    return static_cast<int>(index);
}

}  // namespace

Result<PacketSocket> PacketSocket::open(const Namespace& host) {
    return host.run_in([&]() -> Result<PacketSocket> {
        Result<Fd> socket = open_socket();
        if (!socket) {
            return std::unexpected(socket.error());
        }
        const Result<int> to_client = interface_index(host, Side::Client);
        const Result<int> to_server = interface_index(host, Side::Server);
        if (!to_client || !to_server) {
            return std::unexpected((to_client ? to_server : to_client).error());
        }
        return PacketSocket(std::move(*socket), *to_client, *to_server);
    });
}

std::optional<PacketSocket::Received> PacketSocket::receive(std::span<std::uint8_t> buffer) const {
    for (;;) {
        sockaddr_ll from{};
        socklen_t length = sizeof(from);
        const ssize_t got = recvfrom(socket_.get(), buffer.data(), buffer.size(), 0,
                                     reinterpret_cast<sockaddr*>(&from), &length);
        if (got < 0) {
            return std::nullopt;
        }
        const bool known = from.sll_ifindex == to_client_ || from.sll_ifindex == to_server_;
        if (known && from.sll_pkttype == PACKET_HOST) {
            return Received{from.sll_ifindex == to_client_ ? Side::Client : Side::Server,
                            buffer.first(static_cast<std::size_t>(got))};
        }
    }
}

Status PacketSocket::send(Side toward, FrameView frame) const {
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_ifindex = toward == Side::Client ? to_client_ : to_server_;
    if (sendto(socket_.get(), frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to),
               sizeof(to)) < 0) {
        return fail_errno("send", "frame", errno);
    }
    return {};
}

}  // namespace flowstamp::lab
