// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <span>
#include <string_view>

#include "user/netfilter/rule_match.h"

namespace flowstamp::netfilter {

/// What the words of a rule between its chain's name and its target require (man iptables-extensions),
/// in the order of iptables-save: first what all rules may have, then each `-m MODULE` with its own.
/// Of an unknown module, or an unknown option of a known one, nothing is concluded.
[[nodiscard]] RuleMatch iptables_match(std::span<const std::string_view> words);

}  // namespace flowstamp::netfilter
