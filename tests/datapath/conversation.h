// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A TCP connection between a peer, whose packets come in at the tested hook, and us, whose packets
// leave through tc egress. Both ends number and time their packets as real stacks do, so that a
// test case only states what differs:
//
//     Conversation talk(rig, hook);
//     talk.open().exchange(4);
//     Segment reset = talk.next(End::peer, Rst | Ack);
//     reset.ttl += 3;
//     EXPECT_EQ(talk.send(reset).judgement().verdict, FST_VERDICT_SUSPECTED);
//
// Every packet sent that its receiver accepts is compared with its flow's slot: it must be the
// latest stamp there.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "tests/datapath/rig.h"
#include "tests/support/packet.h"
#include "tests/support/packet_view.h"

namespace flowstamp::testing {

/// A port not used before: rigs are shared by many cases.
std::uint16_t fresh_port();

enum class End { peer, us };
constexpr End other(End end) {
    return end == End::peer ? End::us : End::peer;
}

/// How an end numbers its packets.
enum class Ids { zero, constant, per_flow, global, random };

/// A SYN's window, which no scale applies to (RFC 7323, section 2.2).
constexpr std::uint16_t kSynWindow = 64240;

/// Properties of an end, independent of the connection, as seen here.
struct Traits {
    std::uint8_t ttl = 64;
    Ids ids = Ids::per_flow;
    std::uint16_t first_id = 1000;
    bool df = true;
    bool timestamps = true;
    std::uint16_t window = 502;  ///< unscaled; a SYN's is kSynWindow
    std::uint8_t wscale = 7;
    std::uint32_t isn = 0x10000000;
    std::uint32_t clock_ms = 70'000'000;  ///< TSval at the start of the case
    std::string mac{};
};

/// One packet of one end.
struct Segment {
    End from = End::peer;
    TcpFlags flags = Ack;
    std::uint32_t seq = 0;
    std::uint32_t ack = 0;
    std::uint16_t window = 0;
    std::uint8_t ttl = 64;
    std::uint16_t id = 0;
    bool df = true;
    std::uint8_t tos = 0;
    std::size_t payload = 0;
    bool zeros = false;       ///< the payload is zeros
    std::size_t trailer = 0;  ///< bytes after the IP packet, as Ethernet pads short frames
    std::optional<Timestamps> timestamps{};
    /// A SACK block, left and right edge; not in a SYN.
    std::optional<std::pair<std::uint32_t, std::uint32_t>> sack{};
    std::string mac{};
    Checksum checksum{};
    std::uint16_t gso_segments = 0;
    std::vector<TcpOption> options{};  ///< behind the others
    Bytes ip_options{};                ///< IPv4
    bool more_fragments = false;       ///< IPv4
    std::uint16_t missing = 0;         ///< bytes that the IPv4 length claims and the frame lacks
};

struct Setting {
    bool v6 = false;
    std::uint64_t rtt_us = 20'000;  ///< round trip from here to the peer
    std::uint32_t ifindex = 1;
    std::uint16_t port = 0;  ///< ours; 0: one not used before
    bool forwarded = false;  ///< no socket of this host sends our packets; in the host build only
    Traits peer{.ttl = 57, .mac = "00:00:5e:00:53:02"};
    Traits us{.ttl = 64,
              .first_id = 20000,
              .window = 640,
              .isn = 0x70000000,
              .clock_ms = 3'000'000,
              .mac = "00:00:5e:00:53:01"};
};

class Conversation {
  public:
    Conversation(Rig& rig, fst_hook peer_hook, const Setting& setting = {});

    /// The next packet that an end would send, with all fields correct.
    Segment next(End from, TcpFlags flags = Ack, std::size_t payload = 0);
    /// What a kernel that does not know the connection sends in answer to our latest ACK.
    Segment stateless_reset();
    /// Runs it, and updates the ends' state, unless it is a RST.
    Outcome send(const Segment& segment);
    Outcome send(End from, TcpFlags flags = Ack, std::size_t payload = 0) {
        return send(next(from, flags, payload));
    }

    /// The three packets of a handshake; we open.
    Conversation& open();
    /// We send a request, the peer answers a round trip later, we acknowledge.
    Conversation& exchange(int times = 1);
    void pass_us(std::uint64_t us) { rig_.advance_us(us); }
    void pass_ms(std::uint64_t ms) { rig_.advance_ms(ms); }

    Bytes encode(const Segment& segment) const;
    /// Whether the key is this connection's, whichever end it puts first.
    [[nodiscard]] bool owns(const fst_flow_key& key) const;
    [[nodiscard]] int index(End end) const;  ///< index of an end in the key
    [[nodiscard]] fst_flow flow() const;     ///< all zero, and a test failure, if there is none
    [[nodiscard]] fst_direction direction(End end) const { return flow().direction[index(end)]; }
    [[nodiscard]] bool state_has(fst_flow_state bit) const { return (flow().state & bit) != 0; }
    [[nodiscard]] bool state_has(fst_flow_state bit, End end) const {
        return (flow().state & FST_OF(bit, index(end))) != 0;
    }
    [[nodiscard]] fst_hook hook(End from) const {
        return from == End::peer ? peer_hook_ : FST_HOOK_TC_EGRESS;
    }
    [[nodiscard]] std::uint32_t slot() const;
    [[nodiscard]] std::uint16_t port(End end) const { return ports_.at(std::size_t(end)); }
    [[nodiscard]] std::uint32_t edge(End end) const { return at(end).next_seq; }
    [[nodiscard]] const Setting& setting() const { return setting_; }
    [[nodiscard]] Rig& rig() const { return rig_; }
    /// IDs of an end's packets so far, oldest first.
    [[nodiscard]] const std::deque<std::uint16_t>& ids(End end) const { return at(end).ids; }
    [[nodiscard]] std::uint32_t clock(End end) const;  ///< its current TSval
    /// Resets the state to that before the first packet, for the next connection on the same ports.
    void restart(std::uint32_t peer_isn, std::uint32_t our_isn);
    Traits& traits(End end) { return end == End::peer ? setting_.peer : setting_.us; }

  private:
    struct State {
        std::uint32_t next_seq = 0;
        std::uint32_t latest_clock = 0;
        std::uint16_t id = 0;
        bool has_sent = false;  ///< it has sent a packet with ACK or SYN
        std::deque<std::uint16_t> ids{};
    };
    [[nodiscard]] const Traits& traits_of(End end) const {
        return end == End::peer ? setting_.peer : setting_.us;
    }
    State& at(End end) { return ends_.at(std::size_t(end)); }
    [[nodiscard]] const State& at(End end) const { return ends_.at(std::size_t(end)); }
    [[nodiscard]] const char* address(End end) const;
    std::uint16_t next_id(End end);
    void follow(const Segment& segment);
    [[nodiscard]] bool is_copy(const Segment& segment) const;
    [[nodiscard]] std::uint64_t refused() const;
    void expect_stamped(const Segment& segment) const;

    Rig& rig_;
    fst_hook peer_hook_;
    Setting setting_;
    std::array<State, 2> ends_{};
    std::array<std::uint16_t, 2> ports_{};
    std::uint64_t begun_ns_;
    std::mt19937 random_{42};
    std::optional<std::pair<Segment, std::uint64_t>> latest_{};  ///< and when it was sent, ns
    mutable std::optional<std::uint32_t> slot_{};
};

}  // namespace flowstamp::testing
