// SPDX-License-Identifier: Apache-2.0
//
// The kernel's drop reasons (include/net/dropreason-core.h, enum skb_drop_reason) for people.
#pragma once

#include <string>
#include <string_view>

namespace flowstamp::pathtrace {

struct DropReasonWords {
    std::string words{};    ///< a clause: "no socket listens at this address and port"
    std::string look_at{};  ///< the sysctl or command that tells more, or mends it. May be empty.

    friend bool operator==(const DropReasonWords&, const DropReasonWords&) = default;
};

/// `name` as the kernel's BTF has it, with or without "SKB_DROP_REASON_". Names come and go with
/// kernels (these are of 5.17 to 6.18): an unknown one is told by itself, in plain letters.
[[nodiscard]] DropReasonWords drop_reason_words(std::string_view name);

/// Whether a drop for this reason is this host's own decision or limit: a rule, a route, a missing
/// socket, a full queue. False for what TCP drops in its ordinary work (duplicates, old data), for
/// packets that are others' or damaged in a way that the host cannot help, and for unknown ones.
[[nodiscard]] bool is_hosts_decision(std::string_view name);

}  // namespace flowstamp::pathtrace
