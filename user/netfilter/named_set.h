// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Sets that rules refer to by name: nft's, and ipsets. They may be huge: nobody reads them, the kernel is
// asked for single elements.
#pragma once

#include <compare>
#include <map>
#include <string>

namespace flowstamp::netfilter {

struct NamedSet {
    std::string family{};  ///< of its table, by nft's name; empty: an ipset, which has no table
    std::string table{};
    std::string name{};
    /// Elements may come and go by themselves: after a time, or by packets. Then what it has now says nothing
    /// for sure about a moment ago.
    bool is_volatile = false;

    [[nodiscard]] bool is_ipset() const { return family.empty(); }
    friend auto operator<=>(const NamedSet&, const NamedSet&) = default;
};

/// Whether the set has this element.
struct SetQuery {
    NamedSet set{};
    std::string element{};  ///< "192.0.2.1 . 80" in nft's words, "192.0.2.1,tcp:80" in ipset's

    friend auto operator<=>(const SetQuery&, const SetQuery&) = default;
};

/// As of one moment.
using SetAnswers = std::map<SetQuery, bool>;

}  // namespace flowstamp::netfilter
