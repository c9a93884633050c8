// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include "user/base/result.h"
#include "user/netfilter/ruleset.h"

namespace flowstamp::netfilter {

/// All packet filters of the calling thread's network namespace: nf_tables (by libnftables), with
/// iptables-nft's rules in iptables syntax, and the legacy tables. Needs CAP_NET_ADMIN; changes
/// nothing.
[[nodiscard]] Result<Ruleset> read_ruleset();

}  // namespace flowstamp::netfilter
