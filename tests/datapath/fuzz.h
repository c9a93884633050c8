// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <initializer_list>
#include <random>

#include "tests/datapath/conversation.h"

namespace flowstamp::testing {

/// Pseudo-random packets from a seed: mostly valid, often a RST, any field wrong. The same on every
/// machine.
class Fuzz {
  public:
    explicit Fuzz(std::uint32_t seed) : random_(seed) {}

    std::uint32_t below(std::uint32_t limit) {
        return static_cast<std::uint32_t>(random_() % limit);
    }
    template <class T>
    T pick(std::initializer_list<T> values) {
        return values.begin()[below(static_cast<std::uint32_t>(values.size()))];
    }

    /// A packet of one of the conversations: mostly valid, often a RST, any field wrong.
    Segment packet(Conversation& talk) {
        const End from = pick({End::peer, End::us});
        const TcpFlags any = TcpFlags(below(256));
        const TcpFlags flags = pick<TcpFlags>(
            {Ack, Ack, Psh | Ack, Rst, Rst | Ack, Rst, Fin | Ack, Syn, Syn | Ack, any});
        Segment segment = talk.next(from, flags, pick<std::size_t>({0, 0, 1, 100, 300}));
        if (below(4) == 0) {
            segment.ttl = static_cast<std::uint8_t>(below(256));
        }
        if (below(4) == 0) {
            const auto id = static_cast<std::uint16_t>(random_());
            segment.id = pick<std::uint16_t>({0, 1, 0x3412, id});
        }
        if (below(4) == 0) {
            const auto offset = static_cast<std::uint32_t>(random_());
            segment.seq += pick<std::uint32_t>({1, 1460, 0xffffff00, offset});
        }
        if ((segment.flags & Rst) != 0 && below(2) == 0) {  // a clear forgery
            segment.ttl = static_cast<std::uint8_t>(segment.ttl + 5);
            segment.mac = "00:00:5e:00:53:99";
        }
        if (below(6) == 0) {
            segment.timestamps.reset();
        }
        segment.df = below(8) != 0;
        segment.checksum = pick<Checksum::Kind>(
            {Checksum::Correct, Checksum::Correct, Checksum::Partial, Checksum::Wrong});
        return segment;
    }

    /// Corrupts any byte of the frame.
    void corrupt(Bytes& frame) {
        for (std::uint32_t i = below(4); i > 0; i--) {
            const std::uint32_t at = below(static_cast<std::uint32_t>(frame.size()));
            frame[at] = static_cast<std::uint8_t>(random_());
        }
    }

  private:
    std::mt19937 random_;
};

}  // namespace flowstamp::testing
