// SPDX-License-Identifier: Apache-2.0
//
// When a box in the path forges, and what. Pure: frames in, decisions out; the Injector and the
// Forwarder carry them out on real interfaces.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "user/lab/forgery.h"

namespace flowstamp::lab {

/// What sets the injector off.
struct Trigger {
    enum class On : std::uint8_t {
        Syn,              ///< the client's SYN
        SynAck,           ///< the server's SYN-ACK
        ClientData,       ///< a segment with payload from the client
        ServerData,       ///< a segment with payload from the server
        AllAcknowledged,  ///< an ACK of the client for all that the server has sent: a quiet
                          ///< moment, at which sequence numbers are exact
        ClientPacket,     ///< any segment of the client's but a SYN or a RST
        ServerPacket,     ///< any segment of the server's but a SYN-ACK or a RST
    };
    static constexpr unsigned always = ~0u;

    On on = On::AllAcknowledged;
    std::uint64_t after_server_bytes = 0;  ///< not before the server sent that much payload
    std::uint64_t bytes_between = 0;       ///< and so much more of it before each further time
    unsigned times = 1;                    ///< per connection; `always` for every matching segment
    std::optional<std::uint16_t> port{};   ///< only connections to this port of the server
    /// Not to begin while the forged IP-ID is nearer than this to the server's last: counters
    /// begin anywhere, and in a few of a thousand connections a copied ID passes for the next one.
    std::uint16_t id_gap = 0;
};

/// Who gets the forged segments. The one that gets them sees the other one as their sender.
enum class Target : std::uint8_t { Client, Server, Both };

/// What the injector keeps from going on. Only a Forwarder can: it is the one that forwards.
enum class Swallow : std::uint8_t {
    Nothing,
    Trigger,     ///< the segment that set it off
    Connection,  ///< that one, and everything later of its connection, both ways
};

/// A whole plan of injection.
struct Injection {
    Trigger trigger{};
    Target target = Target::Client;
    Forgery forgery{};
    std::optional<Forgery> forgery_to_server{};  ///< unset: the same as to the client
    unsigned count = 1;                          ///< forged segments for each target and firing
    std::chrono::microseconds spacing{0};        ///< between those
    std::chrono::microseconds delay{0};          ///< from the trigger to the first of them
    Swallow swallow = Swallow::Nothing;
    std::uint32_t seed = 1;  ///< of what is random in the forgery
};

/// Follows the connections that pass and decides. One thread uses it.
class InjectionEngine {
  public:
    /// The client's and the server's end.
    using Connection = std::pair<Endpoint, Endpoint>;

    /// One forged segment to be sent `after` the trigger. It is forged when it is sent, from what
    /// is known then.
    struct Shot {
        Connection connection;
        Side toward = Side::Client;
        unsigned index = 0;
        std::chrono::microseconds after{0};
    };

    struct Decision {
        bool swallow = false;
        std::vector<Shot> shots;
    };

    explicit InjectionEngine(Injection injection)
        : injection_(std::move(injection)), random_(injection_.seed) {}

    /// Learns from a frame that came from `from`'s direction, and decides what follows from it.
    Decision observe(Side from, FrameView frame);

    /// The segment of a shot, for the link `hop`.
    std::optional<Frame> forge(const Shot& shot, const Hop& hop);

  private:
    struct State {
        FlowMemory memory;
        std::uint32_t client_isn = 0;
        unsigned fired = 0;
    };

    bool triggers(Side from, const Segment& segment, const State& state) const;
    std::vector<Shot> volley(const Connection& connection) const;

    Injection injection_;
    std::mt19937 random_;
    std::map<Connection, State> connections_;
};

}  // namespace flowstamp::lab
