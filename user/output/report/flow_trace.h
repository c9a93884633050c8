// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "flowstamp/packet.h"
#include "user/base/clock.h"
#include "user/net/endpoint.h"

namespace flowstamp::output {

/// A packet of a flow, as a report draws it.
struct TracedPacket {
    Nanoseconds wall{0};                ///< since 1970
    std::uint64_t frame = 0;            ///< in its capture, from 1
    std::int64_t seq = 0;               ///< from its sender's first one on
    std::optional<std::int64_t> ack{};  ///< from the other side's first one on
    std::uint32_t payload = 0;          ///< bytes
    std::optional<std::uint16_t> ip_id{};
    std::uint16_t window = 0;  ///< unscaled
    std::uint8_t sender = 0;   ///< index in the flow's key
    std::uint8_t ttl = 0;
    std::uint8_t tcp_flags = 0;
    bool is_repeated = false;  ///< it begins below what its sender had sent: sent again, or late
    std::optional<std::size_t> entry{};  ///< the report's entry that is about it
    std::uint64_t place = 0;             ///< among its sender's packets of its class, from 0
};

/// The packets of a flow, thinned out evenly while they come, so that a long flow takes no more room
/// than a short one. Never left out: a packet that an entry is about, and those next to it. Of the
/// others each class is thinned out by itself: data, ACKs, and what turns a flow (SYN, FIN, RST, what
/// was sent again).
class FlowTrace {
  public:
    /// Of each class so many are kept at the most.
    explicit FlowTrace(std::size_t most) : most_(most) {}

    /// The next packet of the flow. `entry`: the report's entry that is about it.
    void add(const fst_packet& packet, Nanoseconds wall, std::uint64_t frame,
             std::optional<std::size_t> entry);

    [[nodiscard]] const std::vector<TracedPacket>& packets() const { return packets_; }
    /// The end that opened the connection, as an index of the key: whoever sent a SYN; if none was
    /// seen, the one with the higher port.
    [[nodiscard]] unsigned opener() const;
    [[nodiscard]] net::Endpoint end(unsigned index) const { return ends_.at(index & 1U); }
    /// The sequence number that counts as 0 of that end.
    [[nodiscard]] std::optional<std::uint32_t> first_number(unsigned index) const {
        return streams_.at(index & 1U).first;
    }

    /// What is not drawn, in a sentence; empty if all is.
    [[nodiscard]] std::string left_out() const;

  private:
    enum Kind : std::uint8_t { kData, kAck, kTurn, kKinds };
    struct Class {
        /// By sender: the two take turns, and every second packet would be one's.
        std::array<std::uint64_t, 2> seen{};
        std::uint64_t every = 1;  ///< 1 of so many of each sender is kept
        std::size_t kept = 0;
    };
    static constexpr std::size_t kNear = 8;  ///< kept before and after what an entry is about

    [[nodiscard]] static Kind kind_of(const TracedPacket& packet);
    [[nodiscard]] TracedPacket traced(const fst_packet& packet);
    [[nodiscard]] std::int64_t relative(unsigned side, std::uint32_t number);
    void keep_near(TracedPacket packet);
    void thin(Kind kind);

    /// A direction's sequence numbers.
    struct Stream {
        std::optional<std::uint32_t> first{};
        std::int64_t edge = 0;  ///< behind the highest byte that was sent
        bool has_sent = false;
    };

    std::size_t most_;
    std::vector<TracedPacket> packets_;
    std::deque<TracedPacket> passed_over_;  ///< the latest that are not kept
    std::size_t near_left_ = 0;             ///< packets still to be kept, whatever they are
    std::array<Class, kKinds> classes_{};
    std::uint64_t seen_ = 0;
    std::array<Stream, 2> streams_{};
    std::array<net::Endpoint, 2> ends_{};
    std::optional<unsigned> opener_{};
};

}  // namespace flowstamp::output
