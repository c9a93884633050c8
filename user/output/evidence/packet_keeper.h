// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>
#include <vector>

#include "flowstamp/flow.h"
#include "flowstamp/packet.h"
#include "user/base/clock.h"

namespace flowstamp::output {

/// A packet of a flow, as evidence shows it.
struct KeptPacket {
    std::uint64_t number = 0;    ///< its frame in the capture; live: in order of arrival
    std::uint64_t nth = 0;       ///< of its flow, from 1; 0: not known
    Nanoseconds time{0};         ///< of the data path's clock
    std::uint32_t place = 0;     ///< where it was seen: see EvidencePlace
    std::uint32_t original = 0;  ///< length on the wire, bytes
    std::uint32_t seq = 0;
    std::uint16_t ip_id = 0;
    std::uint8_t sender = 0;  ///< index in the flow's key; of an ICMP error: the quoted sender's
    std::uint8_t ttl = 0;
    std::uint8_t tcp_flags = 0;
    bool is_icmp = false;
    std::vector<std::uint8_t> bytes{};  ///< its headers
};

/// The packet without its bytes and its place.
[[nodiscard]] KeptPacket kept(const fst_packet& packet, std::uint64_t number);

/// The key without the interface: what evidence shows of a flow is what all of them saw.
[[nodiscard]] fst_flow_key without_interface(const fst_flow_key& key);

struct FlowKeyHash {
    std::size_t operator()(const fst_flow_key& key) const noexcept;
};
struct FlowKeyEqual {
    bool operator()(const fst_flow_key& one, const fst_flow_key& other) const noexcept;
};

/// The first packets of each flow, and the latest of each of its directions. Bounded: the flows
/// whose latest packet is the oldest are forgotten first.
class PacketKeeper {
  public:
    static constexpr std::size_t kFirst = 8;    ///< the handshake, and what followed
    static constexpr std::size_t kLatest = 32;  ///< of each direction

    explicit PacketKeeper(std::size_t most_bytes) : most_bytes_(most_bytes) {}

    /// `key`: without interface. Packets come in order of their numbers. Returns the packet as it is
    /// kept, until the next call.
    const KeptPacket& keep(const fst_flow_key& key, KeptPacket packet);
    /// In order of their numbers.
    [[nodiscard]] std::vector<KeptPacket> packets_of(const fst_flow_key& key) const;
    void clear();

  private:
    struct Latest {
        std::vector<KeptPacket> packets{};
        std::size_t oldest = 0;
    };
    struct Flow {
        fst_flow_key key{};
        std::vector<KeptPacket> first{};
        std::array<Latest, 2> latest{};
        std::uint64_t seen = 0;
        std::size_t bytes = 0;
    };

    void forget_oldest();

    std::size_t most_bytes_;
    std::size_t bytes_ = 0;
    std::list<Flow> flows_;  ///< the one with the latest packet first
    std::unordered_map<fst_flow_key, std::list<Flow>::iterator, FlowKeyHash, FlowKeyEqual> by_key_;
};

}  // namespace flowstamp::output
