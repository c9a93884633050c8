// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Segments in a peer's name that a stack may take in or throw away, at random: most lie where one
// of the receiver's checks turns.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/netns/acceptance_connection.h"
#include "tests/support/packet.h"

namespace flowstamp::lab {

struct Crafted {
    std::uint32_t seq = 0, ack = 0;
    std::uint8_t flags = 0;
    std::uint16_t window = 0, ip_id = 0;
    std::uint8_t ttl = 64;
    std::optional<testing::Timestamps> timestamps{};
    std::uint32_t payload = 0;
    bool damaged = false;   ///< its checksum is wrong
    bool own_name = false;  ///< it bears the receiver's own address

    bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
    std::uint32_t end() const { return seq + payload + (has(testing::Syn | testing::Fin) ? 1 : 0); }
    /// Beside what the receiver expects.
    std::string text(const SocketView& receiver) const;
};

class Forger {
  public:
    explicit Forger(std::uint64_t seed) : random_(seed) {}

    Crafted craft(const SocketView& receiver, const fst_flow& flow, int peer, bool timestamps);
    /// From the router to the client.
    static Frame frame(const Crafted& crafted, const CutConnection& connection,
                       const Interface& link);

    std::uint32_t below(std::uint32_t limit) {
        return std::uniform_int_distribution<std::uint32_t>(0, limit - 1)(random_);
    }
    bool chance(std::uint32_t percent) { return below(100) < percent; }
    std::uint32_t pick(std::initializer_list<std::uint32_t> values) {
        return values.begin()[below(static_cast<std::uint32_t>(values.size()))];
    }

  private:
    std::uint32_t any() { return static_cast<std::uint32_t>(random_()); }
    std::uint8_t pick_flags();
    std::uint32_t pick_payload();
    std::uint32_t pick_seq(const SocketView& receiver, const fst_flow& flow, int peer,
                           std::uint32_t length);
    std::uint32_t pick_ack(const SocketView& receiver);
    std::optional<testing::Timestamps> pick_timestamps(const fst_flow& flow, int peer, bool used);
    void damage(Crafted& crafted, const fst_direction& own);

    std::mt19937_64 random_;
};

}  // namespace flowstamp::lab
