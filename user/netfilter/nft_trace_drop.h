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

/// A verdict reported by `nft -a monitor trace`: this rule, or the chain's policy, dropped a traced
/// packet.
struct NftTraceDrop {
    TableFamily family = TableFamily::inet;
    std::string table{};
    std::string chain{};
    std::optional<std::uint64_t> handle{};  ///< nothing: the policy

    friend auto operator<=>(const NftTraceDrop&, const NftTraceDrop&) = default;
};

/// Number of reports of each.
using NftTraceDrops = std::map<NftTraceDrop, std::uint64_t>;

/// Parses one line: "trace id dbb642de inet fw sub rule udp dport 9 drop # handle 3 (verdict
/// drop)", "trace id dbb642de inet fw input policy drop". Nothing for lines of any other verdict.
[[nodiscard]] std::optional<NftTraceDrop> parse_nft_trace_drop(std::string_view line);

/// Parses each complete line of `text`, in order, and removes it.
[[nodiscard]] std::vector<NftTraceDrop> take_nft_trace_drops(std::string& text);

}  // namespace flowstamp::netfilter
