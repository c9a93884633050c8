// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Records of the data path for tests, without a data path: the observations of one connection.
//
//     FlowScript script;                              // a download from 198.51.100.7:443
//     script.at(1ms);
//     script.rst({.ttl = 60, .signals = FST_SIGNAL_BIT(FST_SIGNAL_NEARER)});
//     script.later({.signals = FST_SIGNAL_BIT(FST_SIGNAL_LIVENESS_ACK)});
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "flowstamp/event.h"
#include "user/analysis/observation.h"
#include "user/base/clock.h"

namespace flowstamp::testing {

/// The connection's two ends, as directions of the flow's key.
inline constexpr std::uint8_t kClient = 0;
inline constexpr std::uint8_t kServer = 1;

/// 192.0.2.1:40000 (the client) and 198.51.100.7:443 on interface 3.
[[nodiscard]] fst_flow_key example_key();
[[nodiscard]] fst_flow_key key_of(const std::string& client, std::uint16_t client_port,
                                  const std::string& server, std::uint16_t server_port,
                                  std::uint32_t ifindex);

/// The example's flow in the middle of a download: the handshake was seen, the server is 12 hops
/// away (TTL 52), has per-flow IP-IDs (latest 0x1a2b), and its sequence edge is 5000; the client is
/// one hop away (TTL 63), its edge is 2001, all of it acknowledged; both use timestamps.
[[nodiscard]] fst_flow example_flow();

/// Variable fields of a RST; all others match the example's flow.
struct RstDetails {
    std::uint8_t from = kServer;
    std::uint32_t seq = 5000;
    std::uint32_t ack = 0;
    std::uint8_t tcp_flags = FST_TCP_RST;
    std::uint8_t ttl = 52;
    std::uint16_t ip_id = 0;
    std::uint16_t window = 0;
    std::optional<std::uint32_t> ts_val{};
    std::uint64_t signals = 0;
    std::uint32_t context = FST_CONTEXT_IN_WINDOW | FST_CONTEXT_EXACT;
    std::optional<fst_verdict> verdict{};   ///< unset: the result of fst_conclude()
    fst_cause cause = FST_CAUSE_STATELESS;  ///< if genuine
    fst_action action = FST_ACTION_OBSERVED;
    fst_challenge challenge = FST_CHALLENGE_NONE;
    fst_pass_reason passed = FST_PASS_NOT_ACTING;  ///< if only observed
};

/// A packet after a RST, not a RST itself.
struct LaterDetails {
    std::uint8_t from = kServer;
    std::uint32_t seq = 5000;
    std::uint32_t ack = 2001;
    std::uint32_t payload = 0;
    std::uint8_t ttl = 52;
    std::uint16_t ip_id = 0x1a2c;
    std::optional<std::uint32_t> ts_val{};
    std::uint64_t signals = 0;
    fst_challenge challenge = FST_CHALLENGE_NONE;
    std::uint16_t flags = FST_PACKET_DF;
};

/// A script of observations of one connection at one interface. Its clock only moves by at() or
/// after().
class FlowScript {
  public:
    FlowScript() : FlowScript(example_flow(), 7, "eth0") {}
    FlowScript(const fst_flow& flow, std::uint32_t slot, std::string interface);

    /// Sets the time since the script's beginning.
    FlowScript& at(Nanoseconds time);
    FlowScript& after(Nanoseconds length);
    [[nodiscard]] Nanoseconds now() const { return now_; }

    /// The current contents of the flow's slot, copied into all later observations.
    [[nodiscard]] fst_flow& flow() { return flow_; }
    [[nodiscard]] std::uint32_t slot() const { return slot_; }

    [[nodiscard]] analysis::Observation rst(const RstDetails& details);
    [[nodiscard]] analysis::Observation later(const LaterDetails& details);
    [[nodiscard]] analysis::Observation syn(std::uint32_t seq = 2000, std::uint16_t flags = 0);
    [[nodiscard]] analysis::Observation syn_ack(std::uint32_t seq = 4000, std::uint32_t ack = 2001);

  private:
    [[nodiscard]] analysis::Observation observation(fst_event_kind kind, std::uint8_t from);

    fst_flow flow_;
    std::uint32_t slot_;
    std::string interface_;
    Nanoseconds now_;
};

}  // namespace flowstamp::testing
