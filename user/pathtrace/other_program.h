// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "user/netfilter/ruleset.h"

namespace flowstamp::pathtrace {

/// Something in a netfilter hook that may drop packets and is no part of the ruleset: a BPF program
/// of somebody else, or what nobody tells about.
struct OtherProgram {
    std::uint8_t pf = 0;    ///< NFPROTO_IPV4 or NFPROTO_IPV6
    std::uint8_t hook = 0;  ///< NF_INET_PRE_ROUTING to NF_INET_POST_ROUTING
    std::int32_t priority = 0;
    std::uint32_t id = 0;  ///< of the BPF program; 0: the priority is taken, nothing more is known
    std::string name{};    ///< of the BPF program, at most 15 characters; empty: not permitted
    /// Whether it is surely in this network namespace: the kernel does not tell, and what else has
    /// its priority here hides that.
    bool is_here = true;

    /// "BPF program guard (id 12)", "a BPF program or kernel module at priority 99".
    [[nodiscard]] std::string text() const;
};

/// Makes each a table of the ruleset, with one rule, so that it is bracketed by stations and held
/// against losses like any other.
void add_programs(netfilter::Ruleset& ruleset, const std::vector<OtherProgram>& programs);

}  // namespace flowstamp::pathtrace
