// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Sends the packets of connections that open at a given rate, and are then reset by the server if wanted,
// out of an interface.
// Usage, as root: flowstamp_bench_connections INTERFACE open|abort COUNT A_SECOND
// Prints the elapsed seconds.
#include <fmt/format.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/bench/frames.h"
#include "tests/bench/results.h"
#include "user/base/fd.h"

namespace {

using namespace flowstamp;
using namespace flowstamp::bench;

constexpr std::size_t kIpChecksum = 24, kTcpChecksum = 50;  // of a plain frame
constexpr std::uint32_t kIsn = 1000;                        // of the first client
constexpr std::uint32_t kTogether = 100;                    // connections that open at a time

/// A packet of the first connection, and where in it the client stands.
struct Packet {
    Bytes frame;
    std::size_t address, port, seq;
    std::uint32_t first_seq;  ///< the first client's

    /// Corrects the checksum at `checksum` for a word that becomes `value` (RFC 1624).
    static void correct(Bytes& frame, std::size_t checksum, std::size_t at, std::uint16_t value) {
        const auto inverse = [&](std::size_t offset) -> std::uint32_t {
            return ~static_cast<std::uint32_t>(frame[offset] << 8 | frame[offset + 1]) & 0xffff;
        };
        std::uint32_t sum = inverse(checksum) + inverse(at) + value;
        sum = (sum & 0xffff) + (sum >> 16);
        write(frame, checksum, static_cast<std::uint16_t>(~(sum + (sum >> 16))));
    }
    static void write(Bytes& frame, std::size_t at, std::uint16_t value) {
        frame[at] = static_cast<std::uint8_t>(value >> 8);
        frame[at + 1] = static_cast<std::uint8_t>(value);
    }
    static void write_long(Bytes& frame, std::size_t at, std::uint32_t value, bool in_ip) {
        for (const auto& [offset, half] : {std::pair{at, value >> 16}, {at + 2, value}}) {
            const auto word = static_cast<std::uint16_t>(half);
            if (in_ip) {
                correct(frame, kIpChecksum, offset, word);
            }
            correct(frame, kTcpChecksum, offset, word);  // its pseudo header holds the addresses
            write(frame, offset, word);
        }
    }

    [[nodiscard]] Bytes of(std::uint32_t number) const {
        Bytes own = frame;
        const auto its_port = static_cast<std::uint16_t>(40000 + (number & 15));
        write_long(own, address, 0x0a000000 + (number >> 4), true);
        write_long(own, seq, first_seq + number, false);
        correct(own, kTcpChecksum, port, its_port);
        write(own, port, its_port);
        return own;
    }
};

Packet by_client(Bytes frame, std::uint32_t seq) {
    return {std::move(frame), 26, 34, 38, seq};
}
/// Its acknowledgement is the client's next number.
Packet by_server(Bytes frame) {
    return {std::move(frame), 30, 36, 42, kIsn + 1};
}

std::vector<Packet> packets_of(bool are_reset) {
    constexpr std::uint8_t kTtl = 52;
    std::vector<Packet> packets = {
        by_client(from_client({.seq = kIsn, .ack = 0, .flags = packet::Syn}), kIsn),
        by_server(from_server(
            {.seq = 5000, .ack = kIsn + 1, .flags = packet::Syn | packet::Ack, .ttl = kTtl})),
        by_client(from_client({.seq = kIsn + 1}), kIsn + 1)};
    if (are_reset) {
        packets.push_back(by_server(from_server(
            {.seq = 5001, .ack = kIsn + 1, .flags = packet::Rst | packet::Ack, .ttl = kTtl})));
    }
    return packets;
}

class Sender {
  public:
    explicit Sender(const std::string& interface) : fd_(::socket(AF_PACKET, SOCK_RAW, 0)) {
        sockaddr_ll to{};
        to.sll_family = AF_PACKET;
        to.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
        const int yes = 1;
        if (to.sll_ifindex == 0 ||
            ::bind(fd_.get(), reinterpret_cast<sockaddr*>(&to), sizeof(to)) != 0 ||
            ::setsockopt(fd_.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof(yes)) != 0) {
            die("cannot send out of " + interface);
        }
    }

    void send(const Packet& packet, std::uint32_t first) {
        std::vector<Bytes> frames(kTogether);
        std::vector<iovec> parts(kTogether);
        std::vector<mmsghdr> messages(kTogether);
        for (std::uint32_t i = 0; i < kTogether; i++) {
            frames[i] = packet.of(first + i);
            parts[i] = {frames[i].data(), frames[i].size()};
            messages[i].msg_hdr.msg_iov = &parts[i];
            messages[i].msg_hdr.msg_iovlen = 1;
        }
        for (std::uint32_t sent = 0; sent < kTogether;) {
            const int taken = ::sendmmsg(fd_.get(), &messages[sent], kTogether - sent, 0);
            if (taken > 0) {
                sent += static_cast<std::uint32_t>(taken);
            } else if (errno != ENOBUFS && errno != EINTR) {
                die(fmt::format("cannot send: {}", std::strerror(errno)));
            }
        }
    }

  private:
    Fd fd_;
};

std::uint32_t number(const char* word) {
    return static_cast<std::uint32_t>(std::strtoul(word, nullptr, 10));
}

}  // namespace

int main(int count, char** words) {
    const std::string_view what = count == 5 ? words[2] : "";
    if ((what != "open" && what != "abort") || number(words[4]) == 0) {
        die("usage: INTERFACE open|abort COUNT A_SECOND");
    }
    const std::vector<Packet> packets = packets_of(what == "abort");
    Sender sender(words[1]);
    const auto interval = std::chrono::nanoseconds(1'000'000'000ULL * kTogether / number(words[4]));
    const auto begin = std::chrono::steady_clock::now();
    auto due = begin;
    for (std::uint32_t first = 0; first < number(words[3]); first += kTogether) {
        for (const Packet& packet : packets) {
            sender.send(packet, first);
        }
        due += interval;
        std::this_thread::sleep_until(due);
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    fmt::print("{:.6f}\n", took.count());
}
