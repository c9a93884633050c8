// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "flowstamp/flow.h"
#include "user/base/result.h"
#include "user/net/endpoint.h"

namespace flowstamp::cmd {

/// A flow as the user names it: by both ends, in either order, or by its Community ID.
struct WantedFlow {
    using Ends =
        std::pair<net::Endpoint, net::Endpoint>;  ///< of a finding: its reset's sender first
    std::variant<Ends, std::string> name{};
    /// TTL or hop limit of the forged reset, where a finding has it.
    std::optional<std::uint8_t> reset_ttl{};

    [[nodiscard]] bool matches(const fst_flow_key& key) const;
};

/// "198.51.100.2:55130 > 203.0.113.2:443", "[2001:db8::2]:55130-[2001:db8::9]:443", "1:Kx2...=".
[[nodiscard]] Result<WantedFlow> parse_flow(const std::string& text);

/// The flow of finding `id` in the JSON lines `log`; of several with that id, as of several runs,
/// the last. Fails if there is none, or it is about no forged reset. `name`: the log's, for errors.
[[nodiscard]] Result<WantedFlow> flow_of_finding(std::istream& log, std::uint64_t id,
                                                 const std::string& name);

/// TTL or hop limit of the reset that the latest finding of a forged one in `log` tells of the flow
/// between these ends, in the first one's name; nothing if there is none.
[[nodiscard]] std::optional<std::uint8_t> forged_reset_ttl(std::istream& log,
                                                           const WantedFlow::Ends& ends);

}  // namespace flowstamp::cmd
