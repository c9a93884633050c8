// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Asks the kernel whether named sets have the elements on which it depends what rules do with packets.
#pragma once

#include <set>
#include <vector>

#include "user/netfilter/named_set.h"
#include "user/netfilter/ruleset.h"

namespace flowstamp::netfilter {

/// At most so many; of what is not asked nothing is known.
inline constexpr std::size_t kSetQueriesMost = 1000;

/// What is to be asked for these packets: sets of rules that nothing else in them contradicts.
[[nodiscard]] std::set<SetQuery> set_queries(const Ruleset& ruleset,
                                             const std::vector<PacketHeaders>& packets);

/// In the calling thread's network namespace. Without an answer: what could not be asked.
[[nodiscard]] SetAnswers look_up(const std::set<SetQuery>& queries);

}  // namespace flowstamp::netfilter
