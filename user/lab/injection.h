// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// When a middlebox in the path forges, and what. Pure: frames in, decisions out; the Injector and
// the Forwarder carry them out on real interfaces.
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

/// What triggers the injector.
struct Trigger {
    enum class On : std::uint8_t {
        Syn,         ///< the client's SYN
        SynAck,      ///< the server's SYN-ACK
        ClientData,  ///< a segment with payload from the client
        ServerData,  ///< a segment with payload from the server
        /// An ACK of the client for all that the server has sent: then sequence numbers are exact.
        AllAcknowledged,
        ClientPacket,  ///< any segment of the client except a SYN or RST
        ServerPacket,  ///< any segment of the server except a SYN-ACK or RST
    };
    static constexpr unsigned always = ~0u;

    On on = On::AllAcknowledged;
    std::uint64_t after_server_bytes = 0;  ///< not before the server has sent that much payload
    std::uint64_t bytes_between = 0;       ///< and that much more before each repetition
    unsigned times = 1;                    ///< per connection; `always` for every matching segment
    std::optional<std::uint16_t> port{};   ///< only connections to this port of the server
    /// Do not fire while the forged IP-ID is closer than this to the server's last one: counters
    /// start at random, and in a few of a thousand connections a copied ID could be the next one.
    std::uint16_t id_gap = 0;
};

/// Who receives the forged segments. Each receiver sees the other side as their sender.
enum class Target : std::uint8_t { Client, Server, Both };

/// What the injector does not forward. Only a Forwarder can do this: it is the one that forwards.
enum class Swallow : std::uint8_t {
    Nothing,
    Trigger,     ///< the segment that triggered it
    Connection,  ///< that one, and everything later of its connection, in both directions
};

/// A complete plan of injection.
struct Injection {
    Trigger trigger{};
    Target target = Target::Client;
    Forgery forgery{};
    std::optional<Forgery> forgery_to_server{};  ///< unset: the same as to the client
    unsigned count = 1;                          ///< forged segments per target and firing
    std::chrono::microseconds spacing{0};        ///< between those
    std::chrono::microseconds delay{0};          ///< from the trigger to the first forged segment
    Swallow swallow = Swallow::Nothing;
    std::uint32_t seed = 1;  ///< for the random traits of the forgery
};

/// Tracks the connections that pass and decides. For one thread.
class InjectionEngine {
  public:
    /// The client's and the server's endpoint.
    using Connection = std::pair<Endpoint, Endpoint>;

    /// A forged segment to be sent `after` the trigger. It is built when it is sent, from what is
    /// known by then.
    struct ScheduledForgery {
        Connection connection;
        Side toward = Side::Client;
        unsigned index = 0;
        std::chrono::microseconds after{0};
    };

    struct Decision {
        bool swallow = false;
        std::vector<ScheduledForgery> forgeries;
    };

    explicit InjectionEngine(Injection injection)
        : injection_(std::move(injection)), random_(injection_.seed) {}

    /// Updates from a frame that came from `from`'s direction, and decides what to do.
    Decision observe(Side from, FrameView frame);

    /// The scheduled segment, for the link `hop`.
    std::optional<Frame> forge(const ScheduledForgery& scheduled, const Hop& hop);

  private:
    struct State {
        FlowMemory memory;
        std::uint32_t client_isn = 0;
        unsigned fired = 0;
    };

    bool triggers(Side from, const Segment& segment, const State& state) const;
    std::vector<ScheduledForgery> schedule(const Connection& connection) const;

    Injection injection_;
    std::mt19937 random_;
    std::map<Connection, State> connections_;
};

}  // namespace flowstamp::lab
