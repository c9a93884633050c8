// SPDX-License-Identifier: Apache-2.0
#include "user/net/learned_signature.h"

#include <fmt/format.h>

#include "user/net/names.h"

namespace flowstamp::net {

bool same_signature(const fst_learned_signature& a, const fst_learned_signature& b) {
    return (a.flags | FST_LEARNED_USED) == (b.flags | FST_LEARNED_USED) && a.ip_id == b.ip_id &&
           a.window == b.window && a.hops == b.hops && a.tcp_flags == b.tcp_flags;
}

bool operator==(const LearnedSignature& a, const LearnedSignature& b) {
    return same_signature(a.signature, b.signature) && a.learned == b.learned && a.seen == b.seen;
}

void set_learned(fst_policy& policy, std::span<const LearnedSignature> learned) {
    policy.learned_count = 0;
    for (fst_learned_signature& place : policy.learned) {
        place = {};
        if (policy.learned_count < learned.size()) {
            place = learned[policy.learned_count++].signature;
            place.flags |= FST_LEARNED_USED;
        }
    }
}

std::string signature_text(const fst_learned_signature& signature) {
    std::string text = fmt::format("[{}]", tcp_flags_short(signature.tcp_flags));
    if (signature.flags & FST_LEARNED_HOPS) {
        text += fmt::format(" from {} hop{} away", signature.hops, signature.hops == 1 ? "" : "s");
    }
    if (signature.flags & FST_LEARNED_IP_ID) {
        text += fmt::format(" with IP-ID {:#06x}", signature.ip_id);
    }
    if (signature.flags & FST_LEARNED_WINDOW) {
        text += fmt::format(" with window {}", signature.window);
    }
    return text;
}

}  // namespace flowstamp::net
