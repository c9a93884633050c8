// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Explains the kernel's drop reasons (include/net/dropreason-core.h, enum skb_drop_reason).
#pragma once

#include <string>
#include <string_view>

namespace flowstamp::pathtrace {

struct DropReasonWords {
    std::string words{};    ///< a clause: "no socket listens at this address and port"
    std::string look_at{};  ///< the sysctl or command to look at, or that fixes it. May be empty.

    friend bool operator==(const DropReasonWords&, const DropReasonWords&) = default;
};

/// `name` as in the kernel's BTF, with or without "SKB_DROP_REASON_". Names change between kernels
/// (these are of 5.17 to 6.18): an unknown one is returned itself, in lower case.
[[nodiscard]] DropReasonWords drop_reason_words(std::string_view name);

/// Whether a drop for this reason is this host's own decision or limit: a rule, a route, a missing
/// socket, a full queue. False for what TCP drops in normal operation (duplicates, old data), for
/// packets for other hosts, for damaged packets, and for unknown reasons.
[[nodiscard]] bool is_hosts_decision(std::string_view name);

}  // namespace flowstamp::pathtrace
