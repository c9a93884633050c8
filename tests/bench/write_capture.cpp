// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Writes a capture of concurrent downloads, for measuring `replay`.
// Usage: flowstamp_bench_capture FILE PACKETS FLOWS
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/bench/frames.h"
#include "tests/bench/results.h"

namespace {

using namespace flowstamp::bench;

constexpr std::uint32_t kSegment = 1000;  // bytes that the server sends, not stored in the capture

void store(Bytes& frame, std::size_t offset, std::uint32_t value, int bytes) {
    for (int i = 0; i < bytes; i++) {
        frame[offset + static_cast<std::size_t>(i)] =
            static_cast<std::uint8_t>(value >> (8 * (bytes - 1 - i)));
    }
}

/// A flow's packets in order: a handshake, then repeatedly two segments and their acknowledgement.
/// Frames are built once and only modified, at the offsets of plain IPv4 and TCP headers. Checksums
/// are those of the first flow.
class Download {
  public:
    /// Frame `number` of a flow.
    const Bytes& packet(std::uint32_t flow, std::uint32_t number, std::uint32_t ms) {
        const std::uint32_t step = number % 3, round = number < 3 ? 0 : number / 3 - 1;
        Bytes& frame = frames_[number < 3 ? number : 3 + step];
        const bool by_server = sent_by_server(number);
        store(frame, 18, number, 2);                                 // IP-ID
        store(frame, by_server ? 30 : 26, 0x0a000000 + flow, 4);     // the client's address
        store(frame, by_server ? 36 : 34, 40'000 + flow % 1000, 2);  // and port
        const std::uint32_t client_isn = 1000 + flow * 2'654'435'761U;
        const std::uint32_t server_isn = 5000;
        const std::uint32_t sent = server_isn + 1 + 2 * kSegment * round;
        if (number == 0) {
            store(frame, 38, client_isn, 4);
        } else if (by_server) {
            store(frame, 38, number == 1 ? server_isn : sent + kSegment * step, 4);
            store(frame, 42, client_isn + 1, 4);
        } else {
            store(frame, 38, client_isn + 1, 4);
            store(frame, 42, number == 2 ? server_isn + 1 : sent + 2 * kSegment, 4);
        }
        if (number >= 3) {
            store(frame, 58, ms, 4);
            store(frame, 62, ms, 4);
        }
        return frame;
    }
    static bool sent_by_server(std::uint32_t number) {
        return number < 3 ? number == 1 : number % 3 != 2;
    }

  private:
    static Bytes segment() {
        Bytes frame = from_server({.seq = 5001, .ack = 1001, .ttl = 52});
        store(frame, 16, 20 + 32 + kSegment, 2);  // the IP length; the payload is truncated
        return frame;
    }
    std::array<Bytes, 6> frames_{
        from_client({.seq = 1000, .ack = 0, .flags = packet::Syn}),
        from_server({.seq = 5000, .ack = 1001, .flags = packet::Syn | packet::Ack, .ttl = 52}),
        from_client({}),
        segment(),
        segment(),
        from_client({})};
};

}  // namespace

int main(int count, char** words) {
    if (count != 4) {
        die("usage: FILE PACKETS FLOWS");
    }
    const auto packets = static_cast<std::uint32_t>(std::strtoul(words[2], nullptr, 10));
    const auto flows = static_cast<std::uint32_t>(std::strtoul(words[3], nullptr, 10));
    std::FILE* file = std::fopen(words[1], "wb");
    if (file == nullptr || flows == 0) {
        die(std::string("cannot write ") + words[1]);
    }
    constexpr std::uint32_t kHeader[] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};  // Ethernet
    std::fwrite(kHeader, sizeof(kHeader), 1, file);
    Download download;
    for (std::uint32_t i = 0; i < packets; i++) {
        const std::uint64_t us = 10ULL * i;
        const std::uint32_t number = i / flows;
        const Bytes& frame =
            download.packet(i % flows, number, static_cast<std::uint32_t>(us / 1000));
        const bool has_data = number >= 3 && Download::sent_by_server(number);
        const auto bytes = static_cast<std::uint32_t>(frame.size());
        const std::uint32_t record[] = {static_cast<std::uint32_t>(1'700'000'000 + us / 1'000'000),
                                        static_cast<std::uint32_t>(us % 1'000'000), bytes,
                                        bytes + (has_data ? kSegment : 0)};
        std::fwrite(record, sizeof(record), 1, file);
        std::fwrite(frame.data(), bytes, 1, file);
    }
    if (std::fclose(file) != 0) {
        die(std::string("cannot write ") + words[1]);
    }
}
