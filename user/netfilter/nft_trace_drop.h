// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "user/netfilter/ruleset.h"

namespace flowstamp::netfilter {

/// Of a traced packet, what tells it from others. Nothing: the trace does not show it.
struct TracedPacket {
    std::optional<std::uint8_t> protocol{};
    std::optional<Value> source{};
    std::optional<Value> destination{};
    std::optional<std::uint16_t> source_port{};
    std::optional<std::uint16_t> destination_port{};

    [[nodiscard]] bool may_be(const PacketHeaders& packet) const;
    friend auto operator<=>(const TracedPacket&, const TracedPacket&) = default;
};

/// A verdict reported by `nft -a monitor trace`: this rule, or the chain's policy, dropped a traced
/// packet.
struct NftTraceDrop {
    TableFamily family = TableFamily::inet;
    std::string table{};
    std::string chain{};
    std::optional<std::uint64_t> handle{};  ///< nothing: the policy
    TracedPacket packet{};

    friend auto operator<=>(const NftTraceDrop&, const NftTraceDrop&) = default;
};

/// Number of reports of each.
using NftTraceDrops = std::map<NftTraceDrop, std::uint64_t>;

/// Reads the trace's lines in order: "trace id dbb642de inet fw input packet: ip saddr 192.0.2.1 ...", then
/// "trace id dbb642de inet fw sub rule udp dport 9 drop # handle 3 (verdict drop)", or "trace id dbb642de
/// inet fw input policy drop".
class NftTraceReader {
  public:
    /// The drops in the complete lines of `text`, which are removed from it.
    [[nodiscard]] std::vector<NftTraceDrop> take(std::string& text);

  private:
    [[nodiscard]] std::optional<NftTraceDrop> read(std::string_view line);

    /// By trace id, as last shown: each base chain shows a packet anew, as translated by then.
    std::map<std::string, TracedPacket> packets_;
};

}  // namespace flowstamp::netfilter
