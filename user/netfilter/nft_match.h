// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <vector>

#include "user/netfilter/rule_match.h"

namespace flowstamp::netfilter {

/// What a `match` statement of a rule requires (man libnftables-json); nothing if it is not understood:
/// a named set, whose elements are not read, among others.
[[nodiscard]] std::optional<std::vector<Condition>> nft_conditions(const nlohmann::json& match);

}  // namespace flowstamp::netfilter
