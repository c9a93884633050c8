// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/learned_signature.h"

namespace flowstamp::net {

bool same_signature(const fst_learned_signature& a, const fst_learned_signature& b) {
    return a.ifindex == b.ifindex && a.ip_id == b.ip_id && a.hops == b.hops &&
           a.tcp_flags == b.tcp_flags;
}

bool operator==(const LearnedSignature& a, const LearnedSignature& b) {
    return same_signature(a.signature, b.signature) && a.learned == b.learned && a.seen == b.seen;
}

void set_learned(fst_policy& policy, std::span<const LearnedSignature> learned) {
    policy.learned_count = 0;
    for (fst_learned_signature& slot : policy.learned) {
        slot = {};
        if (policy.learned_count < learned.size()) {
            slot = learned[policy.learned_count++].signature;
        }
    }
}

}  // namespace flowstamp::net
