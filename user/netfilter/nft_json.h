// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// libnftables' JSON of a ruleset (man libnftables-json, schema version 1) -> tables.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "user/base/result.h"
#include "user/netfilter/ruleset.h"

namespace flowstamp::netfilter {

/// The tables of `nft -j list ruleset`. Rules have no text yet: see nft_text.h. A listing without
/// elements (`-t`) is enough unless uses_named_verdict_maps(). `json` may hold several listings,
/// one after the other, which together describe the tables in `tables` and others.
[[nodiscard]] Result<std::vector<Table>> parse_nft_json(const std::string& json,
                                                        std::vector<Table> tables = {});

/// Whether a rule decides by a named verdict map, so that a listing without elements is not enough.
[[nodiscard]] bool uses_named_verdict_maps(std::string_view json);

}  // namespace flowstamp::netfilter
