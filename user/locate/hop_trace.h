// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "user/base/clock.h"
#include "user/locate/probe.h"
#include "user/locate/time_exceeded.h"
#include "user/net/endpoint.h"

namespace flowstamp::locate {

/// The router at which probes of one TTL end.
struct Hop {
    std::uint8_t ttl = 0;                    ///< 1: the first router behind this host
    std::optional<net::Endpoint> address{};  ///< of the interface it answers from; port 0
    Nanoseconds rtt{0};                      ///< of its first answer
    unsigned replies = 0;
    /// Routers between it and here on the way back, by the usual initial TTLs of its answer.
    std::optional<unsigned> hops_back{};
    bool varies = false;  ///< answers came from several addresses
};

/// An ICMP message as it was received.
struct IcmpAnswer {
    TimeExceeded quote{};
    net::Endpoint router{};             ///< its sender; port 0
    std::optional<std::uint8_t> ttl{};  ///< its own TTL or hop limit
    Nanoseconds received{0};            ///< CLOCK_MONOTONIC
};

/// Which routers the packets of a flow pass, by segments of its own whose TTL ends there: what to
/// send when, and which answers belong to it. Does no I/O.
class HopTrace {
  public:
    static constexpr unsigned kProbesPerHop = 3;
    /// Between two probes. Of repeated ones shorter than the least retransmission timeout, after
    /// which a watch would take the next for one.
    static constexpr Nanoseconds kPace = std::chrono::milliseconds(50);
    static constexpr Nanoseconds kPaceOfRepeats = std::chrono::milliseconds(100);
    /// How long the latest answers are waited for.
    static constexpr Nanoseconds kPatience = std::chrono::seconds(1);

    /// To the routers 1 to `last`, at most 31.
    HopTrace(std::uint8_t last, std::uint32_t seed);

    /// The next probe of a router that has not answered, its numbers taken from `point`; nothing if
    /// each has answered or had its probes.
    [[nodiscard]] std::optional<Probe> next(const FlowPoint& point, Nanoseconds now);
    /// How long to wait after the latest probe before the next.
    [[nodiscard]] Nanoseconds pace() const;
    /// Takes an answer to one of the probes. One that does not quote a probe exactly is ignored:
    /// addresses, ports and the sequence number, and of IPv4 the random IP-ID, of IPv6, where a
    /// router quotes the whole segment, the ACK number.
    void answer(const IcmpAnswer& answer);
    /// Whether every router has answered.
    [[nodiscard]] bool is_complete() const;

    /// In the order of the TTLs, silent ones too.
    [[nodiscard]] const std::vector<Hop>& hops() const { return hops_; }

  private:
    struct Sent {
        Probe probe{};
        fst_flow_key key{};
        unsigned own = 0;
        Nanoseconds at{0};
        bool is_answered = false;
    };

    std::vector<Hop> hops_;
    std::vector<Sent> sent_;
    std::mt19937 random_;
    unsigned round_ = 0;
    std::size_t next_ = 0;  ///< of hops_
};

}  // namespace flowstamp::locate
