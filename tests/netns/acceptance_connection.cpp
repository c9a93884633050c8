// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/netns/acceptance_connection.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "tests/support/packet.h"

namespace flowstamp::lab {
namespace {

namespace wire = flowstamp::testing;

constexpr std::uint16_t kMarkPort = 9;
constexpr int kRounds = 6;
constexpr std::size_t kRoundBytes = 200;

/// What Linux counts of segments that it throws away.
constexpr std::array<std::string_view, 5> kRefusals = {"PAWSEstab", "PAWSOldAck", "BeyondWindow",
                                                       "TCPChallengeACK", "TCPSYNChallenge"};

void must(bool done, const char* what) {
    if (!done) {
        throw std::runtime_error(fmt::format("{}: {}", what, std::strerror(errno)));
    }
}

void must(const Status& done) {
    if (!done) {
        throw std::runtime_error(done.error().message());
    }
}

template <class T>
T option(const Fd& socket, int name) {
    T value{};
    socklen_t length = sizeof(value);
    must(getsockopt(socket.get(), IPPROTO_TCP, name, &value, &length) == 0, "getsockopt");
    return value;
}

void set_option(const Fd& socket, int level, int name, int value) {
    must(setsockopt(socket.get(), level, name, &value, sizeof(value)) == 0, "setsockopt");
}

kernel::AttachedProbe attach(const Lab& lab, kernel::IngressChoice hook) {
    return lab.client().run_in([&] {
        kernel::OpenProbe open = require(kernel::OpenProbe::open({.hook = hook}));
        kernel::LoadedProbe loaded = require(std::move(open).load());
        return require(std::move(loaded).attach({lab.client().toward(Side::Server).name}));
    });
}

Fd open_proc(const Namespace& host, const char* path) {
    Fd file = host.run_in([&] { return Fd(::open(path, O_RDONLY | O_CLOEXEC)); });
    must(static_cast<bool>(file), path);
    return file;
}

std::string read_all_of(const Fd& file) {
    std::string text(16384, '\0');
    const ssize_t got = ::pread(file.get(), text.data(), text.size(), 0);
    must(got > 0, "read counters");
    text.resize(static_cast<std::size_t>(got));
    return text;
}

/// The value under `name` in one of proc's pairs of lines: names, values.
std::uint64_t value_of(const std::string& text, std::string_view prefix, std::string_view name) {
    std::istringstream lines(text);
    for (std::string names, values; std::getline(lines, names) && std::getline(lines, values);) {
        if (!names.starts_with(prefix)) {
            continue;
        }
        std::istringstream keys(names), numbers(values);
        for (std::string key, number; keys >> key && numbers >> number;) {
            if (key == name) {
                return std::stoull(number);
            }
        }
    }
    return 0;
}

}  // namespace

std::string Situation::text() const {
    constexpr std::array phases = {"established", "unacknowledged", "unread",
                                   "zero window", "peer closed",    "we closed"};
    return fmt::format("{}, {}, {} opens{}{}, buffer {}", family == Family::V4 ? "IPv4" : "IPv6",
                       phases.at(static_cast<std::size_t>(phase)),
                       client_opens ? "client" : "server", timestamps ? ", timestamps" : "",
                       window_scaling ? ", scaled" : "", receive_buffer);
}

WatchedClient::WatchedClient(const Lab& lab, kernel::IngressChoice hook)
    : lab_(lab),
      probe_(attach(lab, hook)),
      wire_(require(PacketSocket::open(lab.router(1)))),
      netstat_(open_proc(lab.client(), "/proc/thread-self/net/netstat")),
      snmp_(open_proc(lab.client(), "/proc/thread-self/net/snmp")) {
    const Interface& link = host().toward(Side::Server);
    mark_ = (wire::Ethernet{.src = link.neighbour_mac.text(), .dst = link.mac.text()} /
             wire::Ipv4{.src = link.neighbour_ipv4.text(), .dst = link.ipv4.text()} /
             wire::Udp{.dst_port = kMarkPort} / wire::Payload("mark"))
                .bytes();
    marks_ = host().run_in([] { return Fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)); });
    const SocketAddress any({IpAddress::any(Family::V4), kMarkPort});
    const timeval patience{.tv_sec = 2, .tv_usec = 0};
    must(::bind(marks_.get(), any.get(), any.length) == 0, "bind");
    must(setsockopt(marks_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0,
         "setsockopt");
    // Each refusal is answered, and so seen: no limit to answers.
    must(host().set_sysctl("net.ipv4.tcp_invalid_ratelimit", "0"));
    must(host().set_sysctl("net.ipv4.tcp_challenge_ack_limit", "2147483647"));
}

std::uint64_t WatchedClient::counter(fst_counter which) {
    return require(probe_.maps().counters().read()).at(which);
}

void WatchedClient::deliver(FrameView frame) {
    must(wire_.send(Side::Client, frame));
    must(wire_.send(Side::Client, mark_));
    std::array<char, 16> buffer{};
    must(::recv(marks_.get(), buffer.data(), buffer.size(), 0) > 0, "no mark");
    hear();
}

/// Reads what has come to the router since.
void WatchedClient::hear() {
    std::array<std::uint8_t, 128> buffer{};
    while (const auto received = wire_.receive(buffer)) {
        const std::optional<Segment> segment = parse_segment(received->frame);
        if (received->from == Side::Client && segment && segment->timestamps) {
            echoed_ = segment->timestamps->echo;
        }
    }
}

Refusals WatchedClient::refusals() const {
    const std::string netstat = read_all_of(netstat_);
    Refusals refusals;
    std::ranges::transform(kRefusals, refusals.counts.begin(), [&](std::string_view name) {
        return value_of(netstat, "TcpExt:", name);
    });
    refusals.counts.back() = value_of(read_all_of(snmp_), "Tcp:", "InCsumErrors");
    return refusals;
}

CutConnection::CutConnection(WatchedClient& client, const Situation& situation)
    : client_(client), situation_(situation) {
    for (const auto& [key, on] : {std::pair{"net.ipv4.tcp_timestamps", situation.timestamps},
                                  {"net.ipv4.tcp_window_scaling", situation.window_scaling}}) {
        must(client.host().set_sysctl(key, on ? "1" : "0"));
    }
    set_forwarding(true);
    open();
    exchange();
    enter_phase();
    set_forwarding(false);
    if (situation_.phase == Phase::Unacknowledged) {
        send_some(3000);
    }
    find_slot();
}

CutConnection::~CutConnection() {
    (void)vanish(std::move(ours_));
    (void)vanish(std::move(theirs_));
}

void CutConnection::set_forwarding(bool on) const {
    const std::string value = on ? "1" : "0";
    must(client_.lab().router(1).set_sysctl(
        situation_.family == Family::V4 ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding",
        value));
}

void CutConnection::open() {
    const Namespace &client = client_.host(), &server = client_.lab().server();
    const Namespace& active = situation_.client_opens ? client : server;
    const Namespace& passive = situation_.client_opens ? server : client;
    const WaitLimit limit{SteadyClock::now() + 5s};
    const SocketAddress local({passive.address(situation_.family), 0});
    const auto make = [&](bool ours) {
        Fd socket(::socket(socket_family(situation_.family), SOCK_STREAM | SOCK_CLOEXEC, 0));
        must(static_cast<bool>(socket), "socket");
        if (ours && situation_.receive_buffer != 0) {
            set_option(socket, SOL_SOCKET, SO_RCVBUF, situation_.receive_buffer);
        }
        return socket;
    };
    const Fd listener = passive.run_in([&] { return make(!situation_.client_opens); });
    must(::bind(listener.get(), local.get(), local.length) == 0, "bind");
    must(::listen(listener.get(), 1) == 0, "listen");
    const SocketAddress remote(local_endpoint(listener));
    Fd opener = active.run_in([&] { return make(situation_.client_opens); });
    must(::connect(opener.get(), remote.get(), remote.length) == 0, "connect");
    Fd accepted = require(accept_tcp(listener, limit));
    ours_ = std::move(situation_.client_opens ? opener : accepted);
    theirs_ = std::move(situation_.client_opens ? accepted : opener);
    our_end_ = local_endpoint(ours_);
    peer_end_ = local_endpoint(theirs_);
    for (const Fd* socket : {&ours_, &theirs_}) {
        set_option(*socket, IPPROTO_TCP, TCP_NODELAY, 1);
        must(::fcntl(socket->get(), F_SETFL, O_NONBLOCK) == 0, "fcntl");
    }
}

/// What teaches the probe both sides: their distance, IP-IDs, windows, timestamps.
void CutConnection::exchange() const {
    const WaitLimit limit{SteadyClock::now() + 5s};
    std::vector<std::uint8_t> bytes(kRoundBytes, 'x');
    const auto pass = [&](const Fd& from, const Fd& to) {
        must(send_all(from, bytes, limit));
        for (std::size_t got = 0; got < bytes.size();) {
            got += require(receive_some(to, bytes, limit));
        }
    };
    for (int i = 0; i < kRounds; i++) {
        pass(ours_, theirs_);
        pass(theirs_, ours_);
    }
}

void CutConnection::enter_phase() {
    const WaitLimit limit{SteadyClock::now() + 5s};
    const auto until = [&](auto reached) {
        while (!reached() && pause(200us, limit)) {
        }
    };
    const std::vector<std::uint8_t> bytes(situation_.phase == Phase::ZeroWindow ? 65536 : 1000,
                                          'y');
    switch (situation_.phase) {
        case Phase::Unread:
            must(send_all(theirs_, bytes, limit));
            break;
        case Phase::ZeroWindow:
            until([&] {
                (void)::send(theirs_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
                const SocketView view = socket();
                return view.right_edge - view.rcv_nxt < 2000;
            });
            break;
        case Phase::PeerClosed:
            ::shutdown(theirs_.get(), SHUT_WR);
            until([&] { return socket().info.tcpi_state == 8; });  // CLOSE_WAIT
            break;
        case Phase::WeClosed:
            ::shutdown(ours_.get(), SHUT_WR);
            until([&] { return socket().info.tcpi_state == 5; });  // FIN_WAIT2
            break;
        case Phase::Established:
        case Phase::Unacknowledged:
            break;
    }
    std::this_thread::sleep_for(1ms);
}

void CutConnection::find_slot() {
    bool found = false;
    const kernel::FlowTable& table = client_.flows();
    table.scan(0, table.slots(), [&](std::uint32_t slot, const fst_flow& flow) {
        for (const int a : {0, 1}) {
            if (ntohs(flow.key.port[a]) == our_end_.port &&
                ntohs(flow.key.port[a ^ 1]) == peer_end_.port) {
                found = true;
                slot_ = slot;
                peer_ = a ^ 1;
            }
        }
    });
    must(found, "the flow is not in the table");
}

fst_flow CutConnection::flow() const {
    const std::optional<fst_flow> flow = client_.flows().read(slot_);
    must(flow.has_value(), "the flow is gone");
    return *flow;
}

SocketView CutConnection::socket() const {
    SocketView view;
    set_option(ours_, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON);
    view.info = option<tcp_info>(ours_, TCP_INFO);
    const auto window = option<tcp_repair_window>(ours_, TCP_REPAIR_WINDOW);
    set_option(ours_, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_RECV_QUEUE);
    view.rcv_nxt = option<std::uint32_t>(ours_, TCP_QUEUE_SEQ);
    set_option(ours_, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE);
    const auto written = option<std::uint32_t>(ours_, TCP_QUEUE_SEQ);
    set_option(ours_, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_OFF_NO_WP);
    int unacknowledged = 0, unsent = 0;
    must(::ioctl(ours_.get(), SIOCOUTQ, &unacknowledged) == 0, "SIOCOUTQ");
    must(::ioctl(ours_.get(), SIOCOUTQNSD, &unsent) == 0, "SIOCOUTQNSD");
    view.rcv_wup = window.rcv_wup;
    const std::uint32_t most = 0xffffU << view.info.tcpi_rcv_wscale;
    view.right_edge = window.rcv_wup + std::min<std::uint32_t>(window.rcv_wnd, most);
    view.takes_more = window.rcv_wnd > most;
    view.snd_una = written - static_cast<std::uint32_t>(unacknowledged);
    view.snd_nxt = written - static_cast<std::uint32_t>(unsent);
    view.snd_wl1 = window.snd_wl1;
    view.max_window = window.max_window;
    return view;
}

void CutConnection::read_all() const {
    if (situation_.phase == Phase::Unread || situation_.phase == Phase::ZeroWindow) {
        return;
    }
    std::array<std::uint8_t, 65536> bytes{};
    while (::recv(ours_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) {
    }
}

void CutConnection::send_some(std::size_t count) const {
    const std::vector<std::uint8_t> bytes(count, 'z');
    (void)::send(ours_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace flowstamp::lab
