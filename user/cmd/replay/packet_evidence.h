// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "flowstamp/packet.h"
#include "user/base/clock.h"
#include "user/output/evidence/evidence_recorder.h"

namespace flowstamp::cmd {

/// Hands a replay's packets to the evidence of its findings, cut to their headers.
class PacketEvidence {
  public:
    /// A frame as the data path reads it.
    struct Frame {
        std::span<const std::uint8_t> bytes{};  ///< from its Ethernet header on
        std::uint32_t original = 0;             ///< length on the wire; 0: only the IP header tells
        std::uint64_t number = 0;
    };

    /// `snap_bytes`: kept of a packet whose headers are shorter. `recorder` outlives it.
    PacketEvidence(output::EvidenceRecorder& recorder, std::uint32_t snap_bytes)
        : recorder_(recorder), snap_bytes_(snap_bytes) {}

    [[nodiscard]] bool knows(std::uint32_t ifindex) const { return recorder_.knows(ifindex); }
    void set_interface(std::uint32_t ifindex, std::string name);
    /// `packet`: a TCP segment, or an ICMP error about one.
    void keep(const fst_packet& packet, const Frame& frame, bool is_icmp);
    void advance(Nanoseconds now) { recorder_.advance(now); }

  private:
    output::EvidenceRecorder& recorder_;
    std::uint32_t snap_bytes_;
};

}  // namespace flowstamp::cmd
