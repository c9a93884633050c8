// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The kernel's nf_tables, read in this process by libnftables.
#pragma once

#include <vector>

#include "user/base/result.h"
#include "user/netfilter/ruleset.h"

namespace flowstamp::netfilter {

/// All tables of the calling thread's network namespace, those of iptables-nft as nft sees them.
/// None where the kernel has no nf_tables. Fails without CAP_NET_ADMIN.
[[nodiscard]] Result<std::vector<Table>> read_nft_tables();

}  // namespace flowstamp::netfilter
