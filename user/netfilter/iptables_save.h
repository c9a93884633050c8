// SPDX-License-Identifier: Apache-2.0
//
// The save format of iptables (man iptables-save), with counters: that of both its kinds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "user/base/result.h"
#include "user/netfilter/ruleset.h"

namespace flowstamp::netfilter {

/// The tables in what `iptables-save -c` printed. Base chains get the hooks and priorities that
/// their names stand for (linux/netfilter_ipv4.h), rules are numbered from 1 in each chain. Fails
/// at a line that is no part of the format.
[[nodiscard]] Result<std::vector<Table>> parse_iptables_save(std::string_view text,
                                                             TableFamily family, RulesetTool tool);

}  // namespace flowstamp::netfilter
