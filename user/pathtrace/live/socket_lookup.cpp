// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/socket_lookup.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>

#include <cstddef>
#include <cstring>

#include "user/kernel/attach/netlink.h"
#include "user/kernel/attach/netlink_request.h"
#include "user/pathtrace/path_tuple.h"

namespace flowstamp::pathtrace {

namespace {

using kernel::Bytes;

/// tcpi_rcv_wnd, which older headers do not have (Linux 6.2).
constexpr std::size_t kReceiveWindowAt = 232;

void put_address(const __be32 (&address)[4], bool v4, __be32 (&out)[4]) {
    if (v4) {
        out[0] = address[3];
    } else {
        std::memcpy(out, address, sizeof(out));
    }
}

inet_diag_req_v2 question_for(const fst_path_tuple& tuple, std::uint32_t ifindex_in) {
    inet_diag_req_v2 question{};
    const bool v4 = is_ipv4(tuple.source);
    question.sdiag_family = v4 ? AF_INET : AF_INET6;
    question.sdiag_protocol = tuple.protocol;
    question.idiag_ext = 1U << (INET_DIAG_INFO - 1);
    question.idiag_states = ~0U;
    inet_diag_sockid& id = question.id;
    // TCP's "source" is the socket's own address. UDP's is the packet's (net/ipv4/udp_diag.c: "src and
    // dst are swapped for historical reasons").
    if (tuple.protocol == IPPROTO_TCP) {
        put_address(tuple.destination, v4, id.idiag_src);
        put_address(tuple.source, v4, id.idiag_dst);
        id.idiag_sport = tuple.destination_port;
        id.idiag_dport = tuple.source_port;
    } else {
        put_address(tuple.source, v4, id.idiag_src);
        put_address(tuple.destination, v4, id.idiag_dst);
        id.idiag_sport = tuple.source_port;
        id.idiag_dport = tuple.destination_port;
    }
    id.idiag_if = ifindex_in;
    id.idiag_cookie[0] = id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    return question;
}

void read_info(Bytes value, SocketFacts& socket) {
    std::uint32_t number = 0;
    constexpr std::size_t last_data_at = offsetof(tcp_info, tcpi_last_data_recv);
    if (value.size() >= last_data_at + sizeof(number)) {
        std::memcpy(&socket.last_data_ms, value.data() + last_data_at, sizeof(number));
    }
    if (value.size() >= kReceiveWindowAt + sizeof(number)) {
        std::memcpy(&number, value.data() + kReceiveWindowAt, sizeof(number));
        socket.receive_window = number;
    }
}

std::optional<SocketFacts> read_socket(Bytes body) {
    inet_diag_msg message{};
    if (body.size() < sizeof(message)) {
        return std::nullopt;
    }
    std::memcpy(&message, body.data(), sizeof(message));
    SocketFacts socket{.state = message.idiag_state,
                       .inode = message.idiag_inode,
                       .receive_queue = message.idiag_rqueue,
                       .send_queue = message.idiag_wqueue,
                       .bound_to = message.id.idiag_if};
    kernel::each_attribute(body.subspan(sizeof(message)), [&](std::uint16_t type, Bytes value) {
        if (type == INET_DIAG_INFO && message.idiag_state != TCP_LISTEN) {
            read_info(value, socket);
        }
    });
    return socket;
}

}  // namespace

std::optional<SocketFacts> find_socket(const fst_path_tuple& tuple, std::uint32_t ifindex_in) {
    kernel::NetlinkRequest request(SOCK_DIAG_BY_FAMILY, NLM_F_ACK);
    request.put(question_for(tuple, ifindex_in));
    std::optional<SocketFacts> found;
    const Status asked =
        kernel::ask(NETLINK_SOCK_DIAG, request.bytes(), "look up", "a socket", [&](Bytes datagram) {
            kernel::each_message(datagram, [&](const nlmsghdr& header, Bytes body) {
                if (header.nlmsg_type == SOCK_DIAG_BY_FAMILY) {
                    found = read_socket(body);
                }
                return true;
            });
        });
    return asked ? found : std::nullopt;
}

}  // namespace flowstamp::pathtrace
