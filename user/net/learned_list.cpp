// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/learned_list.h"

#include <algorithm>

#include "user/net/learned_signature.h"

namespace flowstamp::net {

void LearnedList::remove_at(__u32 place) {
    std::copy(policy_.learned + place + 1, policy_.learned + policy_.learned_count,
              policy_.learned + place);
    policy_.learned[--policy_.learned_count] = {};
}

bool LearnedList::remove(const fst_learned_signature& signature) {
    for (__u32 i = 0; i < policy_.learned_count; i++) {
        if (same_signature(policy_.learned[i], signature)) {
            remove_at(i);
            return true;
        }
    }
    return false;
}

bool LearnedList::add(fst_learned_signature signature) {
    signature.flags |= FST_LEARNED_USED;
    for (__u32 i = 0; i < policy_.learned_count; i++) {
        if (same_signature(policy_.learned[i], signature)) {
            return false;
        }
    }
    if (policy_.learned_count == FST_LEARNED_MAX) {
        remove_at(0);
    }
    policy_.learned[policy_.learned_count++] = signature;
    return true;
}

}  // namespace flowstamp::net
