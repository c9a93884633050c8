// SPDX-License-Identifier: Apache-2.0
#include "user/netfilter/read_ruleset.h"

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "user/netfilter/iptables_ruleset.h"
#include "user/netfilter/nft_ruleset.h"

namespace flowstamp::netfilter {

Result<Ruleset> read_ruleset() {
    Ruleset ruleset;
    Result<std::vector<Table>> tables = read_nft_tables();
    if (!tables && tables.error().errno_value == EPERM) {
        return std::unexpected(tables.error());
    }
    if (tables) {
        ruleset.tables = std::move(*tables);
        report_iptables_tables(ruleset.tables);
    } else {
        ruleset.unread.push_back(tables.error().message());
    }
    std::ranges::move(read_legacy_tables(ruleset.unread), std::back_inserter(ruleset.tables));
    return ruleset;
}

}  // namespace flowstamp::netfilter
