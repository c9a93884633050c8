// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Parses the save format of iptables (man iptables-save), with counters, of both its variants.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "user/base/result.h"
#include "user/netfilter/ruleset.h"

namespace flowstamp::netfilter {

/// The tables in the output of `iptables-save -c`. Built-in chains get their hooks and priorities
/// (linux/netfilter_ipv4.h); rules are numbered from 1 in each chain. Fails at a line that does not
/// belong to the format.
[[nodiscard]] Result<std::vector<Table>> parse_iptables_save(std::string_view text,
                                                             TableFamily family, RulesetTool tool);

}  // namespace flowstamp::netfilter
