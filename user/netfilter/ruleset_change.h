// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "user/netfilter/loss.h"
#include "user/netfilter/named_set.h"
#include "user/netfilter/ruleset.h"

namespace flowstamp::netfilter {

/// What has been announced of changes since a reading of the ruleset. A rule that came and went again between
/// two readings is in neither of them, but it is announced.
struct RulesetChange {
    struct OfTable {
        bool is_made = false;  ///< the table itself: perhaps anew, with the handles of the old one
        bool has_new_place = false;  ///< the kernel calls a chain where it may have called none
    };
    using Name = std::pair<TableFamily, std::string>;
    std::map<Name, OfTable> tables{};  ///< those whose chains or rules have changed
    std::set<NamedSet> sets{};  ///< those whose elements have changed, as if none were volatile
    bool is_unknown = false;    ///< announcements were lost: anything may have changed

    /// Whether a chain may have dropped packets where none was known.
    [[nodiscard]] bool may_have_new_place() const {
        return is_unknown || std::ranges::any_of(tables, [](const auto& entry) {
                   return entry.second.has_new_place;
               });
    }
    /// Whether a rule that neither reading shows may have dropped packets at the loss's place.
    [[nodiscard]] bool may_concern(const Ruleset& before, const Ruleset& after,
                                   const Loss& loss) const;
    /// Whether the answer about a set may have been another before.
    [[nodiscard]] bool may_concern(NamedSet set) const {
        set.is_volatile = false;
        return is_unknown || sets.contains(set);
    }
    /// Whether a handle of the table may have been that of another rule.
    [[nodiscard]] bool may_reuse_handles(const Name& table) const {
        const auto its = tables.find(table);
        return is_unknown || (its != tables.end() && its->second.is_made);
    }
};

/// Adds what messages of nf_tables announce, as read from its netlink group. False if they concern no table,
/// chain or rule: when sets change, no station moves.
bool add_announced(std::span<const std::byte> messages, RulesetChange& change);

}  // namespace flowstamp::netfilter
