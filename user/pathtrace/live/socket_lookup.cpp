// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/socket_lookup.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>

#include "user/kernel/attach/netlink.h"
#include "user/kernel/attach/netlink_request.h"

namespace flowstamp::pathtrace {

namespace {

using kernel::Bytes;
namespace fs = std::filesystem;

/// tcpi_rcv_wnd, which older headers do not have (Linux 6.2).
constexpr std::size_t kReceiveWindowAt = 232;

bool is_v4(const fst_path_tuple& tuple) {
    return tuple.source[0] == 0 && tuple.source[1] == 0 && tuple.source[2] == htonl(0xffff);
}

void put_address(const __be32 (&address)[4], bool v4, __be32 (&out)[4]) {
    if (v4) {
        out[0] = address[3];
    } else {
        std::memcpy(out, address, sizeof(out));
    }
}

inet_diag_req_v2 question_for(const fst_path_tuple& tuple, std::uint32_t ifindex_in) {
    inet_diag_req_v2 question{};
    const bool v4 = is_v4(tuple);
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

std::optional<int> process_id(const fs::path& folder) {
    const std::string name = folder.filename();
    int id = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
    return error == std::errc() && end == name.data() + name.size() ? std::optional(id)
                                                                    : std::nullopt;
}

std::string process_name(int id) {
    std::ifstream file(fmt::format("/proc/{}/comm", id));
    std::string name;
    std::getline(file, name);
    return name;
}

/// Whether a process has it open; `left` counts the descriptors that may still be looked at.
bool holds(const fs::path& process, const std::string& link, unsigned& left) {
    std::error_code error;
    for (fs::directory_iterator at(process / "fd", error), end; !error && at != end && left > 0;
         at.increment(error)) {
        left--;
        std::error_code gone;
        if (fs::read_symlink(at->path(), gone) == link && !gone) {
            return true;
        }
    }
    return false;
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

std::vector<Delivery::Process> holders_of(std::uint32_t inode) {
    constexpr std::size_t most = 4;
    unsigned left = 100'000;
    std::vector<Delivery::Process> holders;
    const std::string link = fmt::format("socket:[{}]", inode);
    std::error_code error;
    for (fs::directory_iterator at("/proc", error), end;
         !error && at != end && left > 0 && holders.size() < most; at.increment(error)) {
        const auto id = process_id(at->path());
        if (id && holds(at->path(), link, left)) {
            holders.push_back({.pid = *id, .name = process_name(*id)});
        }
    }
    return holders;
}

std::uint64_t read_listen_overflows() {
    std::ifstream file("/proc/thread-self/net/netstat");
    std::string names, values;
    while (std::getline(file, names) && std::getline(file, values)) {
        std::istringstream name_words(names), value_words(values);
        for (std::string name, value; name_words >> name && value_words >> value;) {
            std::uint64_t number = 0;
            if (name == "ListenOverflows" &&
                std::from_chars(value.data(), value.data() + value.size(), number).ec ==
                    std::errc()) {
                return number;
            }
        }
    }
    return 0;
}

}  // namespace flowstamp::pathtrace
