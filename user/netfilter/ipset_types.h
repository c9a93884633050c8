// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// The types of ipsets: which parts of a packet their elements consist of.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "user/netfilter/ruleset.h"

namespace flowstamp::netfilter {

struct IpsetType {
    std::vector<std::string> dimensions{};  ///< "hash:ip,port": ip, port
    bool expires = false;                   ///< its elements have a timeout
};

using IpsetTypes = std::map<std::string, IpsetType>;

/// Parses what `ipset list -terse` prints.
[[nodiscard]] IpsetTypes parse_ipset_types(std::string_view listing);

/// Those of the calling thread's network namespace; none if the program is missing.
[[nodiscard]] IpsetTypes read_ipset_types();

/// Whether any rule asks an ipset.
[[nodiscard]] bool uses_ipsets(const Ruleset& ruleset);

/// Names the fields that rules compare with ipsets, which their directions alone (src, dst) leave open. What
/// a set of an unknown type says of packets is not known.
void name_ipset_fields(Ruleset& ruleset, const IpsetTypes& types);

}  // namespace flowstamp::netfilter
